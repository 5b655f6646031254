package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Every command that does something shows an example, and every line of an example is one that the command takes: its name,
// its flags, its arguments.
func TestExamples(t *testing.T) {
	t.Parallel()
	ran := 0
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			walk(sub)
		}
		if c.HasSubCommands() && c.Example == "" || c.Hidden || c.Name() == "help" || c.HasParent() && c.Parent().Name() == "completion" {
			return
		}
		own := false
		for line := range strings.SplitSeq(c.Example, "\n") {
			for _, words := range commands(line) {
				if words[0] != "cofre" {
					continue
				}
				ran++
				found, err := taken(words[1:])
				if err != nil {
					t.Errorf("%s shows %q: %v", c.CommandPath(), line, err)
					continue
				}
				own = own || found.CommandPath() == c.CommandPath()
			}
		}
		if !own {
			t.Errorf("%s shows no example of itself", c.CommandPath())
		}
	}
	walk(command())
	if ran < 300 {
		t.Errorf("%d examples were tried", ran)
	}
}

// Every command line of the documents is one that the command takes.
func TestDocuments(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, file := range append(files, "../../README.md", "../../CONTRIBUTING.md") {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		fenced := false
		for line := range strings.SplitSeq(strings.ReplaceAll(string(b), "\\\n", " "), "\n") {
			if strings.HasPrefix(strings.TrimSpace(line), "```") {
				fenced = !fenced
				continue
			}
			if !fenced && !strings.HasPrefix(line, "    ") {
				continue
			}
			for _, words := range commands(line) {
				if words[0] != "cofre" && words[0] != "bin/cofre" {
					continue
				}
				ran++
				if _, err := taken(words[1:]); err != nil {
					t.Errorf("%s shows %q: %v", filepath.Base(file), strings.TrimSpace(line), err)
				}
			}
		}
	}
	if ran < 100 {
		t.Errorf("%d lines were tried", ran)
	}
}

// taken parses a command line as far as to where it would run.
func taken(words []string) (*cobra.Command, error) {
	c, rest, err := command().Find(words)
	if err != nil {
		return nil, err
	}
	if err := c.ParseFlags(rest); err != nil {
		return c, err
	}
	if err := c.ValidateArgs(c.Flags().Args()); err != nil {
		return c, err
	}
	if err := c.ValidateFlagGroups(); err != nil {
		return c, err
	}
	return c, c.ValidateRequiredFlags()
}

// commands splits a line of shell into simple commands and their words, as far as examples go: quotes, comments, pipes, lists,
// redirections, and a command substitution that is a part of a word.
func commands(line string) (all [][]string) {
	var words []string
	var word strings.Builder
	begun, skip := false, false
	end := func() {
		if begun && !skip {
			words = append(words, word.String())
		}
		if begun {
			skip = false
		}
		word.Reset()
		begun = false
	}
	flush := func() {
		end()
		if len(words) > 0 {
			all = append(all, words)
		}
		words = nil
	}
	for i := 0; i < len(line); i++ {
		switch ch := line[i]; {
		case ch == '\'' || ch == '"':
			n := strings.IndexByte(line[i+1:], ch)
			if n < 0 {
				n = len(line) - i - 1
			}
			word.WriteString(line[i+1 : i+1+n])
			begun, i = true, i+1+n
		case strings.HasPrefix(line[i:], "$("):
			n := strings.IndexByte(line[i:], ')')
			word.WriteString(line[i : i+n+1])
			begun, i = true, i+n
		case ch == '#' && !begun:
			flush()
			return all
		case ch == ' ':
			end()
		case ch == '|' || ch == ';' || ch == '&':
			flush()
		case ch == '<' || ch == '>':
			end()
			skip = true
		default:
			word.WriteByte(ch)
			begun = true
		}
	}
	flush()
	return all
}
