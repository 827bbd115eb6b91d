// Command mutate measures tests: it changes one place of a package at a time and runs
// those of the package's own tests that run the changed line. A change that no test
// notices has survived. The changes are drawn by a seed; the tree is not touched.
//
//	go run ./cmd/internal/mutate -out bin/mutants ./graph/op
//
// What has been tried stands in the folder of -out, and a second call goes on from there.
// A test that takes longer than -limit by itself is left out, so that the share that is
// killed is a lower bound. Mutants that do not compile do not count.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"tapenet/cmd/internal/cli"
)

func main() { cli.Main(cli.Command{Name: "mutate", Run: run}) }

// The outcomes of a mutant.
const (
	killed   = "killed"     // a test failed, or did not end
	survived = "survived"   // all tests that run the line passed
	unrun    = "not run"    // no test runs the line
	invalid  = "no program" // it does not compile
)

// result is a mutant and what became of it.
type result struct {
	mutant
	Outcome string
	By      string `json:",omitempty"` // the tests that ran
}

// campaign is the mutants of some packages.
type campaign struct {
	limit    time.Duration
	packages map[string]goPackage
	tests    map[string][]tested // by package, measured when they are needed
	results  []result
	file     string
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var (
		seed  uint64
		limit time.Duration
	)
	f := cli.Flags("mutate", "[flags] package …", "Changes packages at random, and counts the changes that their tests notice.", stdout)
	f.Uint64Var(&seed, "seed", 1, "of the choice of mutants")
	f.DurationVar(&limit, "limit", 20*time.Second, "leave out tests that take longer by themselves")
	count := f.Int("count", 200, "mutants that compile")
	out := f.String("out", "bin/mutants", "folder for the record")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() == 0 {
		return cli.Usagef("mutate: no package: want one or more, as in ./graph/op or ./graph/internal/kernel/...")
	}
	packages, err := list(f.Args())
	if err != nil {
		return err
	}
	all, err := draw(packages, seed)
	if err != nil {
		return err
	}
	name := strings.NewReplacer("./", "", "/...", "", "/", "_").Replace(strings.Join(f.Args(), ","))
	c := campaign{limit: limit, packages: map[string]goPackage{}, tests: map[string][]tested{}, file: filepath.Join(*out, fmt.Sprintf("%s-%d.json", name, seed))}
	for _, p := range packages {
		c.packages[p.ImportPath] = p
	}
	if err := c.load(); err != nil {
		return err
	}
	return c.tryAll(ctx, all, *count, stdout)
}

// load reads the record of an earlier call.
func (c *campaign) load() error {
	b, err := os.ReadFile(c.file)
	if errors.Is(err, os.ErrNotExist) {
		return os.MkdirAll(filepath.Dir(c.file), 0o777)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(b, &c.results)
}

func (c *campaign) save() error {
	b, err := json.MarshalIndent(c.results, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(c.file, b, 0o666)
}

// tryAll tries mutants until count have compiled, and prints what survived.
func (c *campaign) tryAll(ctx context.Context, all []mutant, count int, stdout io.Writer) error {
	for n := len(c.results); n < len(all) && c.valid() < count; n++ {
		r, err := c.try(ctx, all[n])
		if err != nil {
			return err
		}
		c.results = append(c.results, r)
		if err := c.save(); err != nil {
			return err
		}
		fmt.Fprintf(stdout, "%3d of %d  %-10s  %v\n", c.valid(), count, r.Outcome, r.mutant)
	}
	of := map[string]int{}
	for _, r := range c.results {
		of[r.Outcome]++
	}
	fmt.Fprintf(stdout, "%d killed, %d survived, %d in lines that no test runs: %.1f %% killed of %d\n",
		of[killed], of[survived], of[unrun], 100*float64(of[killed])/float64(max(1, c.valid())), c.valid())
	return nil
}

// valid is the number of mutants so far that have compiled.
func (c *campaign) valid() (n int) {
	for _, r := range c.results {
		if r.Outcome != invalid {
			n++
		}
	}
	return n
}

// try builds the tests with a mutant and runs those that run its line: the quick ones
// together, and the others if these pass.
func (c *campaign) try(ctx context.Context, m mutant) (r result, err error) {
	r.mutant = m
	p := c.packages[m.Package]
	tests, ok := c.tests[p.ImportPath]
	if !ok {
		if tests, err = measure(ctx, p, c.limit); err != nil {
			return r, err
		}
		c.tests[p.ImportPath] = tests
	}
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	binary, err := build(ctx, dir, p, m)
	if err != nil {
		return r, err
	}
	if binary == "" {
		r.Outcome = invalid
		return r, nil
	}
	r.Outcome = unrun
	for _, slow := range []bool{false, true} {
		var names []string
		var seconds float64
		for _, t := range tests {
			if t.runs(m) && slow == (t.Seconds > 1) {
				names, seconds = append(names, t.Name), seconds+t.Seconds
			}
		}
		if len(names) == 0 {
			continue
		}
		r.By = strings.Join(names, " ")
		short, cancel := context.WithTimeout(ctx, 10*time.Second+time.Duration(5*seconds*float64(time.Second)))
		err := in(short, p.Dir, binary, "-test.failfast", "-test.run", "^("+strings.Join(names, "|")+")$").Run()
		cancel()
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
		if err != nil {
			r.Outcome = killed
			return r, nil
		}
		r.Outcome = survived
	}
	return r, nil
}

// build returns the program of the package's tests with a mutant, "" if it does not
// compile.
func build(ctx context.Context, dir string, p goPackage, m mutant) (string, error) {
	file := filepath.Join(p.Dir, m.File)
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	mutated, overlay, binary := filepath.Join(dir, m.File), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "test")
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{file: mutated}})
	if err != nil {
		return "", err
	}
	if err := errors.Join(os.WriteFile(mutated, m.apply(text), 0o666), os.WriteFile(overlay, replace, 0o666)); err != nil {
		return "", err
	}
	err = exec.CommandContext(ctx, "go", "test", "-c", "-overlay", overlay, "-o", binary, p.ImportPath).Run()
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		return "", nil
	}
	return binary, nil
}
