package config

import (
	"fmt"
	"slices"
	"strings"
)

// clients are the variables of Cofre's clients, which may stand in the surroundings of a daemon too.
var clients = []string{"COFRE_CONFIG", "COFRE_URL", "COFRE_CLIENT_ID", "COFRE_CLIENT_SECRET", "COFRE_CLIENT_SECRET_FILE", "COFRE_CA_FILE", "COFRE_READY_FILE"}

// Unknown tells of each variable that looks like a setting and is none, with the setting whose name is nearest. It is no reason not to
// start: Kubernetes hands COFRE_SERVICE_HOST and the like to every pod beside a service of that name. Values are not told.
func Unknown(environ []string) (told []string) {
	known := slices.Clone(clients)
	for _, k := range Keys() {
		known = append(known, k.Env)
	}
	for _, v := range slices.Sorted(slices.Values(environ)) {
		name, _, _ := strings.Cut(v, "=")
		if !strings.HasPrefix(name, "COFRE_") || slices.Contains(known, name) {
			continue
		}
		far := func(setting string) int {
			if strings.HasSuffix(setting, strings.TrimPrefix(name, "COFRE")) {
				return 0 // without its group: COFRE_TRUSTED_PROXIES
			}
			return distance(name, setting)
		}
		near := slices.MinFunc(known, func(a, b string) int { return far(a) - far(b) })
		text := fmt.Sprintf("environment variable %s is no setting and has no effect", name)
		if far(near) <= 3 {
			text += ": did you mean " + near + "?"
		}
		told = append(told, text)
	}
	return told
}

// distance counts the letters to put in, take out or change that make b of a (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		left := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := left
			if a[i] != b[j] {
				change++
			}
			left = row[j+1]
			row[j+1] = min(change, row[j]+1, left+1)
		}
	}
	return row[len(b)]
}
