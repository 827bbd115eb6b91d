// Command skips reads what go test -json writes and prints what go test would: a line a
// package, and all that failing tests say. It fails if a test fails, or is skipped and is
// not in a list, and prints the reasons of those that are.
//
//	go test -json ./... | skips .ci/skips
//
// A line of the list is a package, a test and a reason. The test may end in *, and then
// stands for all whose names begin so. What follows # is a comment.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: go test -json ./... | skips LIST")
	}
	list, err := os.Open(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	allowed, err := readList(list)
	if err != nil {
		log.Fatalf("%s: %v", os.Args[1], err)
	}
	if err := check(os.Stdin, os.Stdout, allowed); err != nil {
		log.Fatal(err)
	}
}

// skip is a line of the list.
type skip struct{ pkg, test, reason string }

func (s skip) covers(pkg, test string) bool {
	start, all := strings.CutSuffix(s.test, "*")
	return s.pkg == pkg && (test == s.test || all && strings.HasPrefix(test, start))
}

func readList(r io.Reader) (list []skip, err error) {
	for s := bufio.NewScanner(r); s.Scan(); {
		line, _, _ := strings.Cut(s.Text(), "#")
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0:
		case len(fields) < 3:
			return nil, fmt.Errorf("line %q, want a package, a test and a reason", s.Text())
		default:
			list = append(list, skip{fields[0], fields[1], strings.Join(fields[2:], " ")})
		}
	}
	return list, nil
}

// event is one of go test -json, see go doc test2json.
type event struct{ Action, Package, ImportPath, Test, Output string }

// check copies what go test would print, and then says what was skipped and why.
func check(r io.Reader, w io.Writer, allowed []skip) error {
	said := map[string]*strings.Builder{} // by package and test
	var skipped, unlisted []string
	failed := false
	for d := json.NewDecoder(r); ; {
		var e event
		if err := d.Decode(&e); err == io.EOF {
			break
		} else if err != nil {
			return fmt.Errorf("go test -json: %w", err)
		}
		key := e.Package + " " + e.Test
		if said[key] == nil {
			said[key] = new(strings.Builder)
		}
		switch e.Action {
		case "build-output":
			fmt.Fprint(w, e.Output)
		case "build-fail":
			failed = true
		case "output":
			said[key].WriteString(e.Output)
		case "fail":
			failed = true
			fmt.Fprint(w, said[key])
		case "pass", "skip":
			switch reason, ok := reasonOf(allowed, e); {
			case e.Test == "":
				fmt.Fprint(w, verdict(said[key].String()))
			case e.Action == "pass":
			case ok:
				skipped = append(skipped, fmt.Sprintf("%s %s: %s", e.Package, e.Test, reason))
			default:
				unlisted = append(unlisted, fmt.Sprintf("%s %s: %s", e.Package, e.Test, strings.Join(strings.Fields(said[key].String()), " ")))
			}
		}
		if e.Action != "output" {
			delete(said, key)
		}
	}
	fmt.Fprintf(w, "%d tests were skipped:\n", len(skipped))
	for _, s := range skipped {
		fmt.Fprintln(w, " ", s)
	}
	if len(unlisted) > 0 {
		return fmt.Errorf("%d tests were skipped that are not in the list:\n  %s", len(unlisted), strings.Join(unlisted, "\n  "))
	}
	if failed {
		return fmt.Errorf("tests failed")
	}
	return nil
}

// verdict is the last line of what a package says.
func verdict(text string) string {
	lines := strings.SplitAfter(strings.TrimRight(text, "\n"), "\n")
	return lines[len(lines)-1] + "\n"
}

func reasonOf(allowed []skip, e event) (reason string, ok bool) {
	for _, s := range allowed {
		if s.covers(e.Package, e.Test) {
			return s.reason, true
		}
	}
	return "", false
}
