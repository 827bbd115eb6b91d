package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"text/tabwriter"

	"tapenet/cmd/internal/cli"
	"tapenet/graph"
	"tapenet/graph/draw"
	"tapenet/graph/weights"
	"tapenet/modelzoo"
)

func run(_ context.Context, args []string, stdout, stderr io.Writer) error {
	f := cli.Flags("zoo", "[-model NAME [-graph FILE.dot|FILE.svg]]",
		"lists the networks; with -model shows one layer by layer and what memory it takes, and draws its graph", stderr)
	name := f.String("model", "", "network to show")
	classes := f.Int("classes", 10, "number of classes")
	batch := f.Int("batch", 1, "batch size")
	file := f.String("graph", "", "write the Gorgonia graph to this .dot or .svg file")
	if err := cli.Parse(f, args); err != nil {
		return err
	}
	if err := cli.NoArguments(f); err != nil {
		return err
	}
	switch {
	case *classes < 1:
		return cli.Usagef("zoo: -classes %d, want 1 or more", *classes)
	case *batch < 1:
		return cli.Usagef("zoo: -batch %d, want 1 or more", *batch)
	}
	if *name == "" {
		if *file != "" {
			return cli.Usagef("zoo: -graph without -model, want the network to draw")
		}
		return list(stdout)
	}
	if ext := filepath.Ext(*file); *file != "" && ext != ".dot" && ext != ".svg" {
		return cli.Usagef("zoo: -graph %s, want a file ending in .dot or .svg", *file)
	}
	spec, err := modelzoo.Lookup(*name)
	if err != nil {
		return cli.Usagef("%v", err)
	}
	build := func(o graph.Options, mode graph.Mode) (*graph.Model, error) {
		return o.Build(spec.New(*classes), mode, *batch, spec.Input[0], spec.Input[1], spec.Input[2])
	}
	m, err := build(graph.Options{}, graph.Infer)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%s: %s\n%s\n\n%s\n", spec.Name, spec.Doc, spec.Reference, m.Summary())
	err = showMemory(stdout, func(mode graph.Mode) (*graph.Model, error) { return build(graph.Options{}, mode) })
	if err != nil || *file == "" {
		return err
	}
	if m, err = build(graph.Options{NoFusion: true}, graph.Infer); err != nil { // every op by itself
		return err
	}
	return write(m, *file)
}

func list(stdout io.Writer) error {
	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "name\tinput\twhat it is\treference")
	for _, s := range modelzoo.Specs() {
		fmt.Fprintf(w, "%s\t%d×%d×%d\t%s\t%s\n", s.Name, s.Input[0], s.Input[1], s.Input[2], s.Doc, s.Reference)
	}
	return w.Flush()
}

// write draws a model's graph into a .dot or .svg file.
func write(m *graph.Model, file string) error {
	picture := draw.DOT
	if filepath.Ext(file) == ".svg" {
		picture = draw.SVG
	}
	return weights.WriteFile(file, func(w io.Writer) error { _, err := io.WriteString(w, picture(m.Nodes())); return err })
}
