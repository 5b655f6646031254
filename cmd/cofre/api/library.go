package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"cofre/cmd/cofre/input"
	"cofre/executors"
	"cofre/executors/all"
	"cofre/executors/script"
	"cofre/fsm/model"
)

// maxTemplate is the longest template that the API takes, in bytes.
const maxTemplate = 64 << 10

// What becomes of a file of a template library.
const (
	compiles   = "compiles"
	imported   = "imported"
	unchanged  = "unchanged"
	refused    = "refused"
	notOffered = "not offered"
)

// libraryFile is a file of a template library (EXECUTOR/EXECUTION TYPE/NAME) with what is known of it.
type libraryFile struct {
	Path     string             `json:"path"`
	Executor model.ExecutorName `json:"executor,omitempty"`
	Kind     model.TemplateKind `json:"kind,omitempty"`
	Name     string             `json:"name,omitempty"`
	Result   string             `json:"result"`
	Error    string             `json:"error,omitempty"` // with line and column, if it does not compile
	Tags     []string           `json:"tags,omitempty"`
	Notices  []string           `json:"notices,omitempty"`

	content string
}

// place is where a file belongs if its path does not say so.
type place struct {
	executor string
	kind     model.TemplateKind
}

// readLibrary checks the files that are named, and those in the folders that are named: one entry for each template. Files that
// stand above the library's layout, such as a README, and hidden ones are no templates.
func readLibrary(ctx context.Context, paths []string, p place) ([]libraryFile, error) {
	var files []libraryFile
	for _, root := range paths {
		if root == "-" {
			root = "/dev/stdin"
		}
		info, err := os.Stat(root)
		if err != nil {
			return nil, fmt.Errorf("read the templates: %w", err)
		}
		if !info.IsDir() {
			files = append(files, checkFile(ctx, root, located(root, nil, p)))
			continue
		}
		err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case path != root && strings.HasPrefix(d.Name(), "."):
				if d.IsDir() {
					return fs.SkipDir
				}
				return nil
			case d.IsDir():
				return nil
			}
			rel, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			at := located(path, strings.Split(filepath.ToSlash(rel), "/"), p)
			switch {
			case at.Name == "":
				return nil
			case !d.Type().IsRegular():
				at.Result, at.Error = refused, "it is no file but a link, a pipe or the like, which is not followed"
			default:
				at = checkFile(ctx, path, at)
			}
			files = append(files, at)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read the templates: %w", err)
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s holds no template: below a library's root they stand as EXECUTOR/EXECUTION TYPE/NAME", strings.Join(paths, ", "))
	}
	refuseTwins(files)
	return files, nil
}

// refuseTwins refuses a file that would become a version of the template of an earlier one: each import would add both again.
func refuseTwins(files []libraryFile) {
	type key struct {
		executor model.ExecutorName
		name     string
	}
	first := map[key]string{}
	for i := range files {
		f := &files[i]
		if f.Result != compiles {
			continue
		}
		k := key{f.Executor, f.Name}
		if other, ok := first[k]; ok {
			f.Result, f.Error = refused, fmt.Sprintf("it is the same template as %s: names are those of one executor, whatever the folder", other)
			continue
		}
		first[k] = f.Path
	}
}

// located finds executor, kind and name in a path: where a name of an executor is followed by a kind. Below a library's root,
// whose path is inside, three steps or more are a template even if nobody knows their executor.
func located(path string, inside []string, p place) libraryFile {
	f := libraryFile{Path: path}
	steps := strings.Split(filepath.ToSlash(path), "/")
	for i := range len(steps) - 2 {
		kind, ok := model.NamedKind(steps[i+1])
		if !ok {
			continue
		}
		f.Executor, f.Kind, f.Name = model.ExecutorName(steps[i]), kind, strings.TrimSpace(strings.Join(steps[i+2:], "/"))
		break
	}
	switch {
	case p.executor != "":
		f.Executor = model.ExecutorName(p.executor)
		if f.Kind == "" {
			f.Kind, f.Name = model.TemplateChange, steps[len(steps)-1]
		}
	case f.Name == "" && len(inside) >= 3:
		f.Executor, f.Name = model.ExecutorName(inside[0]), strings.Join(inside[2:], "/")
	case f.Name == "" && inside == nil:
		f.Name = steps[len(steps)-1]
	}
	if p.kind != "" && f.Name != "" {
		f.Kind = p.kind
	}
	return f
}

// checkFile reads a template and compiles it.
func checkFile(ctx context.Context, path string, f libraryFile) libraryFile {
	refuse := func(result string, err error) libraryFile {
		f.Result, f.Error = result, err.Error()
		return f
	}
	if f.Executor == "" {
		return refuse(refused, errors.New("its path is not EXECUTOR/EXECUTION TYPE/NAME: say --executor"))
	}
	name, err := all.Named(string(f.Executor))
	if none := new(all.NotOffered); errors.As(err, &none) {
		return refuse(notOffered, err)
	} else if err != nil {
		return refuse(refused, err)
	}
	f.Executor = name
	if f.Kind == "" {
		return refuse(refused, fmt.Errorf("its folder is no execution type: expected one of %s", executionTypes()))
	}
	b, err := input.Await(ctx, func() ([]byte, error) { return readTemplate(path) })
	if err != nil {
		return refuse(refused, err)
	}
	if f.content = string(b); f.content == "" {
		return refuse(refused, errors.New("a template has at least one byte"))
	}
	if plain := script.ASCII(f.content); plain != f.content {
		f.content = plain
		f.Notices = append(f.Notices, "typographic quotes were replaced by ASCII quotes")
	}
	p, err := executors.Compile(all.Find(f.Executor), f.Kind, f.content)
	if err != nil {
		return refuse(refused, err)
	}
	for _, n := range p.Masks() {
		f.Tags = append(f.Tags, string(n))
	}
	f.Result, f.Notices = compiles, append(f.Notices, executors.Notices(p, f.Kind)...)
	return f
}

// readTemplate reads as much as a template may be: what is named may have no end.
func readTemplate(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return boundedTemplate(file)
}

func boundedTemplate(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxTemplate+1))
	if err == nil && len(b) > maxTemplate {
		err = fmt.Errorf("a template has at most %d bytes", maxTemplate)
	}
	return b, err
}

// tally is what became of many files.
type tally struct {
	Files      []libraryFile `json:"files"`
	Compile    int           `json:"compile,omitempty"`
	Imported   int           `json:"imported"`
	Unchanged  int           `json:"unchanged"`
	Refused    int           `json:"refused"`
	NotOffered int           `json:"not_offered"`
	Waiting    int           `json:"waiting"` // imported, and not in force before somebody else approves them
}

func (t *tally) add(f libraryFile) {
	t.Files = append(t.Files, f)
	count := map[string]*int{compiles: &t.Compile, imported: &t.Imported, unchanged: &t.Unchanged, refused: &t.Refused, notOffered: &t.NotOffered}[f.Result]
	*count++
}

// err says that not everything went well: exit status 1 for what was refused, 3 if there was nothing else than executors that
// Cofre does not offer.
func (t *tally) err() error {
	var why error = fmt.Errorf("%d refused, %d for executors that are not offered", t.Refused, t.NotOffered)
	if len(t.Files) == 1 {
		why = fmt.Errorf("%s: %s", t.Files[0].Path, t.Files[0].Error)
	}
	switch {
	case t.Refused > 0:
		return why
	case t.NotOffered > 0:
		return &statusError{why, 3}
	}
	return nil
}

// sorted puts those first that need somebody's hand.
func (t *tally) sorted() []libraryFile {
	order := map[string]int{refused: 0, notOffered: 1}
	rank := func(f libraryFile) int {
		if n, ok := order[f.Result]; ok {
			return n
		}
		return 2
	}
	out := slices.Clone(t.Files)
	slices.SortStableFunc(out, func(a, b libraryFile) int { return rank(a) - rank(b) })
	return out
}
