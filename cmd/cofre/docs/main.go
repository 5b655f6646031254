// Command docs writes the generated documents of docs/ anew: the API, the commands of the log, the audit events, the masks
// of templates, the settings, and the graph of an operation's life. `make generate` runs it; a test holds them current.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

//go:generate go run . -dir ../../../docs

func main() {
	dir := flag.String("dir", "docs", "folder of the documents")
	flag.Parse()
	var err error
	for name, text := range Documents() {
		err = errors.Join(err, os.WriteFile(filepath.Join(*dir, name), []byte(text), 0o644))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "docs:", err)
		os.Exit(1)
	}
}
