package executors

import (
	"fmt"
	"io/fs"
	"strings"

	"cofre/fsm/model"
)

// CatalogueOf reads the templates of a folder that is part of the binary. The first line of each is a comment with its name before a
// colon: "# Cisco IOS local user: ...".
func CatalogueOf(files fs.FS, dir string, e model.ExecutorName, kind model.TemplateKind) []CatalogueEntry {
	names, err := fs.Glob(files, dir+"/*.tpl")
	if err != nil || len(names) == 0 {
		panic(fmt.Sprintf("the binary has no templates in %s", dir)) // a mistake of the program, found by every test
	}
	var out []CatalogueEntry
	for _, n := range names {
		b, err := fs.ReadFile(files, n)
		if err != nil {
			panic(err)
		}
		name, _, ok := strings.Cut(strings.TrimPrefix(string(b), "# "), ":")
		if !ok {
			panic(fmt.Sprintf("%s does not begin with the template's name", n))
		}
		out = append(out, CatalogueEntry{Name: name, Executor: e, Kind: kind, Content: string(b)})
	}
	return out
}
