package template

import "strings"

// Line is a line of a difference.
type Line struct {
	Change string `json:"change" doc:"' ' stays, '-' goes, '+' comes"`
	Old    int    `json:"old,omitempty" doc:"its number in the older text"`
	New    int    `json:"new,omitempty" doc:"its number in the newer text"`
	Text   string `json:"text"`
}

// most bounds the table of the comparison: texts that differ in more lines are shown as replaced as a whole.
const most = 4 << 20

// compare tells how one text becomes another, by the longest common subsequence of their lines.
func compare(before, after string) []Line {
	a, b := lines(before), lines(after)
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	out := []Line{}
	i, j := 0, 0
	keep := func() { i, j = i+1, j+1; out = append(out, Line{" ", i, j, a[i-1]}) }
	drop := func() { i++; out = append(out, Line{Change: "-", Old: i, Text: a[i-1]}) }
	add := func() { j++; out = append(out, Line{Change: "+", New: j, Text: b[j-1]}) }
	for i < head {
		keep()
	}
	endA, endB := len(a)-tail, len(b)-tail
	common := table(a[head:endA], b[head:endB])
	for i < endA || j < endB {
		switch {
		case i < endA && j < endB && a[i] == b[j]:
			keep()
		case i < endA && (j == endB || common == nil || common[i-head+1][j-head] >= common[i-head][j-head+1]):
			drop()
		default:
			add()
		}
	}
	for i < len(a) {
		keep()
	}
	return out
}

// table holds the length of the longest common subsequence of what is left after i and j lines; nil if it would be too large.
func table(a, b []string) [][]int32 {
	if (len(a)+1)*(len(b)+1) > most {
		return nil
	}
	t := make([][]int32, len(a)+1)
	for i := range t {
		t[i] = make([]int32, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				t[i][j] = t[i+1][j+1] + 1
			} else {
				t[i][j] = max(t[i+1][j], t[i][j+1])
			}
		}
	}
	return t
}

func lines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(strings.ReplaceAll(text, "\r\n", "\n"), "\n"), "\n")
}
