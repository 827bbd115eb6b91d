package infer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"tapenet/cmd/internal/cli"
	"tapenet/graph/memory"
	"tapenet/graph/weights"
	"tapenet/infer"
)

// described is a picture with its features.
type described struct {
	File     string    `json:"file"`
	Features []float32 `json:"features"`
}

// extractor reads pictures and computes their features.
type extractor struct {
	*infer.Extractor
	batch  int
	most   int // pixels of a picture
	stderr io.Writer
}

// extract prints or writes features, or finds similar pictures.
func extract(ctx context.Context, o options, stdout, stderr io.Writer) error {
	p, err := infer.LoadExtractor(o.model, o.output)
	if err != nil {
		return err
	}
	cli.Notes(stderr, p.Notes())
	e := extractor{p, cmp.Or(o.batch, memory.Batch(p.Input[:])), o.maxPixels, stderr}
	switch {
	case o.similar != "":
		return e.similar(ctx, o, stdout)
	case o.out != "":
		return e.write(ctx, o, stdout)
	}
	show := describer(stdout, o, e.Size)
	return e.each(ctx, e.sources(o.args), show)
}

// sources are what arguments stand for; what is left out is said.
func (e extractor) sources(args []string) []source {
	list, notes := sources(args)
	cli.Notes(e.stderr, notes)
	return list
}

// each calls use for the pictures with their features, batch by batch; see the function
// each.
func (e extractor) each(ctx context.Context, list []source, use func([]described) error) error {
	return each(ctx, reader{pixels: e.Pixels, batch: e.batch, most: e.most}, list, func(results []result) error {
		features, err := cli.Until(ctx, func() ([][]float32, error) { return e.Features(pixelsOf(results)) })
		var bad infer.NotFiniteError
		if errors.As(err, &bad) {
			return fmt.Errorf("infer: %s: %w", results[bad.Image].File, infer.ErrNotFinite)
		}
		if err != nil {
			return err
		}
		all := make([]described, len(results))
		for i, r := range results {
			all[i] = described{r.File, features[i]}
		}
		return use(all)
	}, "read", e.stderr)
}

// describer returns a function that prints pictures and their features in the format
// that the options ask for.
func describer(w io.Writer, o options, size int) func([]described) error {
	head := []string{"file"}
	for k := range size {
		head = append(head, "feature "+strconv.Itoa(k))
	}
	line := func(d described) string { return cli.Plain(d.File) + ": " + strings.Join(d.texts(), " ") }
	row := func(d described) []string { return append([]string{d.File}, d.texts()...) }
	return printing(w, o, head, row, line)
}

// texts are the features as the shortest decimals that are read back as the same.
func (d described) texts() []string {
	texts := make([]string, len(d.Features))
	for k, v := range d.Features {
		texts[k] = strconv.FormatFloat(float64(v), 'g', -1, 32)
	}
	return texts
}

// write writes the features of all pictures that can be read into a .npy file, and
// prints their names, those of its rows.
func (e extractor) write(ctx context.Context, o options, stdout io.Writer) error {
	var rows [][]float32
	var names []string
	err := e.each(ctx, e.sources(o.args), func(all []described) error {
		for _, d := range all {
			rows, names = append(rows, d.Features), append(names, d.File)
		}
		return nil
	})
	if err != nil && !errors.As(err, &skipped{}) {
		return err
	}
	if len(rows) == 0 {
		return err
	}
	if e := weights.WriteFile(o.out, func(w io.Writer) error { return weights.EncodeNPY(w, rows, e.Size) }); e != nil {
		return e
	}
	if _, e := fmt.Fprintln(stdout, strings.Join(cli.Plains(names), "\n")); e != nil {
		return e
	}
	return err
}
