// Package robust is the command that measures what trained networks bear: corruptions,
// turns, shifts, attacks and unknown inputs. It prints a table and writes robust.json
// and robust.html.
package robust

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tapenet/cmd/internal/cli"
	"tapenet/cmd/internal/dataset"
	"tapenet/cmd/internal/testset"
	"tapenet/graph/raster"
	"tapenet/graph/weights"
	"tapenet/infer"
	"tapenet/infer/robust"
)

// Files that the command writes.
const (
	jsonFile = "robust.json"
	pageFile = "robust.html"
)

// result is what robust.json holds.
type result struct {
	Data   string     `json:"data"`
	Models []measured `json:"models"`
}

// measured is a network's report.
type measured struct {
	Model  string         `json:"model"` // as the flag names it
	Report *robust.Report `json:"report"`
}

// Command is the command.
var Command = cli.Command{Name: "robust", Doc: "measure what a network bears: noise, turns, attacks, strangers", Run: run}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stdout)
	if err != nil {
		return err
	}
	out, err := o.folder()
	if err != nil {
		return err
	}
	name, err := o.dataset()
	if err != nil {
		return err
	}
	r := result{Data: filepath.Base(name)}
	for _, model := range o.models {
		report, err := o.measure(ctx, model, name, stderr)
		if err != nil {
			return err
		}
		r.Models = append(r.Models, measured{model, report})
	}
	if err := writeTable(stdout, r); err != nil {
		return err
	}
	return r.save(out, stdout)
}

// folder is where the files go.
func (o options) folder() (string, error) {
	dir := o.out
	if dir == "" {
		dir = filepath.Clean(o.models[0])
		if s, err := os.Stat(dir); err == nil && !s.IsDir() {
			dir = filepath.Dir(dir)
		}
		if len(o.models) > 1 {
			dir = filepath.Dir(dir)
		}
		return dir, nil
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", fmt.Errorf("robust: -out: %w", err)
	}
	return dir, nil
}

// dataset is what to measure on: what the flag says, or what the first model's run was
// trained on.
func (o options) dataset() (string, error) {
	if o.data != "" {
		return o.data, nil
	}
	if name := dataset.OfRun(o.models[0]); name != "" {
		return name, nil
	}
	if _, err := infer.Load(o.models[0]); err != nil { // which is the first thing to say
		return "", err
	}
	return "", cli.Usagef("robust: %s does not say what it was trained on, want -data NAME, as in -data mnist", o.models[0])
}

// measure measures one model.
func (o options) measure(ctx context.Context, model, name string, stderr io.Writer) (*robust.Report, error) {
	p, err := infer.Load(model)
	if err != nil {
		return nil, err
	}
	cli.Notes(stderr, p.Notes())
	d, err := testset.Open("robust", name, p.Input, p.Classes, p.Preprocessing(), o.maxPixels, stderr)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", model, err)
	}
	c := o.config()
	if c.Unknown, err = o.strangers(name, d.Shape); err != nil {
		return nil, err
	}
	c.Known = d.Train
	show, clear := progress(stderr, model)
	defer clear()
	c.Progress = func(p robust.Progress) {
		if ctx.Err() == nil {
			show(p)
		}
	}
	r, err := cli.Until(ctx, func() (*robust.Report, error) { return robust.Measure(ctx, p, d.Test, c) })
	if ctx.Err() != nil {
		return nil, fmt.Errorf("robust: stopped while %s was measured: %w", model, ctx.Err())
	}
	if err != nil && errors.Is(err, robust.ErrWhat) {
		return nil, cli.Usagef("%v%s", err, o.meant())
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", model, err)
	}
	return r, nil
}

// meant says which measurement was meant by the first one that is none.
func (o options) meant() string {
	for _, what := range o.what {
		if group, _, _ := strings.Cut(what, "/"); !slices.Contains(whats(), group) {
			return cli.Meant(group, whats())
		}
	}
	return ""
}

// strangers are the images that belong to no class, of the size that the network
// takes. The default's are left out where they are not installed or of another size.
func (o options) strangers(dataset string, shape [3]int) ([]robust.Named, error) {
	name, must := o.unknown, o.unknown != ""
	switch {
	case name == "none":
		return nil, nil
	case name == "" && dataset == "mnist":
		name = "fashion-mnist"
	case name == "" && dataset == "fashion-mnist":
		name = "mnist"
	case name == "":
		return nil, nil
	}
	d, err := testset.Pictures(name, shape, raster.Preprocessing{}, o.maxPixels)
	if err == nil && d.Shape != shape {
		err = fmt.Errorf("robust: -unknown %s has images of %s, the model takes %s", name, cli.Shape(d.Shape), cli.Shape(shape))
	}
	if err != nil && must {
		return nil, err
	}
	if err != nil {
		return nil, nil
	}
	return []robust.Named{{Name: filepath.Base(name), Samples: d.Test}}, nil
}

// save writes both files.
func (r result) save(dir string, stdout io.Writer) error {
	file, page := filepath.Join(dir, jsonFile), filepath.Join(dir, pageFile)
	err := weights.WriteFile(file, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", " ")
		return e.Encode(r)
	})
	if err == nil {
		err = weights.WriteFile(page, func(w io.Writer) error { return writePage(w, r) })
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("robust: no folder %s to write into: want an existing one, or -out", dir)
	}
	if err != nil {
		return fmt.Errorf("robust: %w", err)
	}
	_, err = fmt.Fprintf(stdout, "\nfigures in %s; curves and pictures in %s\n", file, page)
	return err
}
