// Package zoo is the command that lists the networks, shows one as a table, and draws
// its graph.
package zoo

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"

	"tapenet/cmd/internal/cli"
	"tapenet/graph"
	"tapenet/graph/draw"
	"tapenet/graph/weights"
	"tapenet/modelzoo"
	"tapenet/modelzoo/open"
)

// Command is the command.
var Command = cli.Command{Name: "zoo", Doc: "list the networks, or show one layer by layer", Run: run}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := cli.Flags("zoo", "[-model NAME|FILE|DIR [flags]]",
		"Lists the networks. With -model it shows one of them, or a trained or foreign one in a file, layer by layer and what memory it takes, and draws its graph.", stdout)
	name := f.String("model", "", "network to show, or a file or a run's folder that has one")
	f.Names("model", modelzoo.Names()...)
	file := f.String("graph", "", "write the Gorgonia graph to this .dot or .svg file")
	describe := f.Bool("describe", false, "write a file beside a foreign model that says how pictures become its input, to be changed")
	classes := f.Int("classes", 10, "number of classes of a network of the zoo")
	batch := f.Int("batch", 1, "batch size")
	height := f.Int("height", 0, "height of the images (default the network's own, 224 where a file leaves it open)")
	width := f.Int("width", 0, "width of the images, likewise")
	if err := f.Parse(args); err != nil {
		return err
	}
	if err := f.NoArguments(); err != nil {
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
		switch {
		case *file != "":
			return cli.Usagef("zoo: -graph without -model, want the network to draw")
		case *describe:
			return cli.Usagef("zoo: -describe without -model, want the file to describe")
		}
		return list(stdout)
	}
	if ext := filepath.Ext(*file); *file != "" && ext != ".dot" && ext != ".svg" {
		return cli.Usagef("zoo: -graph %s, want a file ending in .dot or .svg", *file)
	}
	spec, err := modelzoo.Lookup(*name)
	if _, missing := os.Stat(*name); err == nil && missing != nil {
		s := subject{layer: spec.New(*classes), input: slices.Clone(spec.Input[:]), batch: *batch}
		s.input[1], s.input[2] = cmp.Or(*height, s.input[1]), cmp.Or(*width, s.input[2])
		return s.show(ctx, stdout, fmt.Sprintf("%s: %s\n%s", spec.Name, spec.Doc, spec.Reference), *file)
	} else if missing != nil {
		return cli.Usagef("%v, or a file or a folder with a model%s", err, cli.Meant(*name, modelzoo.Names()))
	}
	m, err := open.Options{Height: *height, Width: *width}.Open(*name)
	if err != nil {
		return fmt.Errorf("zoo: %w", err)
	}
	if *describe {
		return describeModel(m, stdout)
	}
	cli.Notes(stderr, m.Notes)
	return showModel(ctx, stdout, m, *batch, *file)
}

// show writes the network as a table and what memory it takes, and draws its graph
// to a file, "" for none.
func (s subject) show(ctx context.Context, stdout io.Writer, title, file string) error {
	summary, err := s.summary()
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%s\n\n%s\n", title, summary)
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
	if s.untrained != "" {
		o.Loss = graph.MSE{} // the output as it is
	}
	return o.Build(s.layer, graph.Infer, slices.Concat([]int{s.batch}, s.input)...)
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
