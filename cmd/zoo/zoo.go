package main

import (
	"cmp"
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

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := cli.Flags("zoo", "[-model NAME [-graph FILE.dot|FILE.svg]]",
		"lists the networks; with -model shows one layer by layer and what memory it takes, and draws its graph", stderr)
	name := f.String("model", "", "network to show")
	classes := f.Int("classes", 10, "number of classes")
	batch := f.Int("batch", 1, "batch size")
	height := f.Int("height", 0, "height of the images (default the network's own)")
	width := f.Int("width", 0, "width of the images, likewise")
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
	case *height < 0 || *width < 0:
		return cli.Usagef("zoo: -height %d and -width %d, want positive numbers, or 0 for the network's own", *height, *width)
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
	s := subject{spec.New(*classes), spec.Input, *batch}
	s.input[1], s.input[2] = cmp.Or(*height, s.input[1]), cmp.Or(*width, s.input[2])
	return s.show(ctx, stdout, spec, *file)
}

// show writes the network as a table and what memory it takes, and draws its graph
// to a file, "" for none.
func (s subject) show(ctx context.Context, stdout io.Writer, spec modelzoo.Spec, file string) error {
	summary, err := s.summary()
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%s: %s\n%s\n\n%s\n", spec.Name, spec.Doc, spec.Reference, summary)
	if err := s.showMemory(ctx, stdout); err != nil || file == "" {
		return err
	}
	m, err := s.build(graph.Options{NoFusion: true}) // every op by itself
	if err != nil {
		return err
	}
	return write(m, file)
}

// summary lets go of the graph that it makes: it must not count as memory.
func (s subject) summary() (string, error) {
	m, err := s.build(graph.Options{})
	if err != nil {
		return "", err
	}
	return m.Summary(), nil
}

func (s subject) build(o graph.Options) (*graph.Model, error) {
	return o.Build(s.layer, graph.Infer, s.batch, s.input[0], s.input[1], s.input[2])
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
