package dialogue

import (
	"bytes"
	"regexp"
)

// adornments are what a terminal is told besides text (ECMA-48): colours, the place of the cursor, titles of windows. We ask for a terminal
// that knows none of that, which prompts do not care about.
var adornments = regexp.MustCompile(`\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[ -/]+[0-~]|[0-Z\\^_c-~])`)

// unadorned is output without its adornments, nil if it has none, and where a place in it is in the output.
func unadorned(output []byte) (plain []byte, at func(int) int) {
	if bytes.IndexByte(output, 0x1b) < 0 {
		return nil, nil
	}
	cuts := adornments.FindAllIndex(output, -1)
	if cuts == nil {
		return nil, nil
	}
	plain, begin := make([]byte, 0, len(output)), 0
	for _, c := range cuts {
		plain, begin = append(plain, output[begin:c[0]]...), c[1]
	}
	return append(plain, output[begin:]...), func(n int) int {
		for _, c := range cuts {
			if c[0] >= n {
				break
			}
			n += c[1] - c[0]
		}
		return n
	}
}
