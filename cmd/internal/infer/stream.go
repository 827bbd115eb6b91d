package infer

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"tapenet/cmd/internal/cli"
	"tapenet/cmd/internal/screen"
	"tapenet/graph/raster/decode"
	"tapenet/graph/regular"
	"tapenet/infer"
)

// result is what is said of one picture.
type result struct {
	File          string    `json:"file"`
	Class         string    `json:"class"`
	Probabilities []float32 `json:"probabilities"`
	Unknown       *bool     `json:"unknown,omitempty"` // none of the classes; nil if no model has a threshold

	pixels  []float32
	picture image.Image // nil unless the reader keeps it
	best    int         // index of Class
	err     error
}

// reader prepares pictures for a network, so many at a time.
type reader struct {
	pixels func(img image.Image) ([]float32, error)
	batch  int
	most   int  // pixels of a picture
	keep   bool // the pictures themselves
	quiet  bool // results are shown on a terminal, which is progress enough
}

// classify calls show for the pictures, in order, batch by batch, with what the network
// makes of them; see each.
func classify(ctx context.Context, n network, list []source, show func([]result) error, stderr io.Writer) error {
	pixels := func(img image.Image) ([]float32, error) { return n.Pixels(img) }
	return each(ctx, reader{pixels: pixels, batch: n.batch, most: n.maxPixels, keep: n.pictures, quiet: n.shown}, list, func(results []result) error {
		if err := predict(ctx, n, results); err != nil {
			return err
		}
		return show(slices.DeleteFunc(slices.Clone(results), result.failed))
	}, "classified", stderr)
}

// each calls use for the pictures, in order, batch by batch. One that can't be read is
// reported on stderr and doesn't stop the others, nor does one that use sets the error
// of; the error says that it could not be done. The end of ctx stops all, even while a picture is awaited that never comes. It
// needs memory for three batches of prepared pictures, and for as many whole ones as
// there are processors.
func each(ctx context.Context, r reader, list []source, use func([]result) error, done string, stderr io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	finished, failed := 0, 0
	shown := screen.NewProgress(r.shows(stderr), true)
	defer shown.Clear()
	batches := ahead(ctx, r, list)
	for results, ok := receive(ctx, batches); ok; results, ok = receive(ctx, batches) {
		failed += report(results, stderr)
		read := len(results)
		results = slices.DeleteFunc(results, result.failed)
		err := use(results)
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			break
		}
		if err != nil {
			return err
		}
		finished += read
		shown.Show(finished, len(list), screen.Named(done))
		failed += report(results, stderr)
	}
	if err := ctx.Err(); err != nil && finished < len(list) {
		return fmt.Errorf("infer: stopped after %d of %d files: %w", finished, len(list), err)
	}
	if failed > 0 {
		return skipped{fmt.Errorf("infer: %d of %d files could not be %s", failed, len(list), done)}
	}
	return nil
}

// shows is where progress is shown.
func (p reader) shows(stderr io.Writer) io.Writer {
	if p.quiet {
		return io.Discard
	}
	return stderr
}

// failed says that nothing can be said of the picture.
func (r result) failed() bool { return r.err != nil }

// report prints and counts the pictures that failed.
func report(results []result, stderr io.Writer) (n int) {
	for _, r := range results {
		if r.failed() {
			n++
			fmt.Fprintln(stderr, cli.Plain(fmt.Sprintf("%s: %v", r.File, r.err)))
		}
	}
	return n
}

// skipped is the error that some pictures could not be read: the others were done.
type skipped struct{ error }

// ahead sends the pictures in batches, prepared for the network, while the
// caller is busy with the batch before. The channel is closed after the last, or
// when ctx ends.
func ahead(ctx context.Context, r reader, list []source) <-chan []result {
	batches := make(chan []result, 1)
	go func() {
		defer close(batches)
		for part := range slices.Chunk(list, r.batch) {
			select {
			case batches <- r.readAll(part):
			case <-ctx.Done():
				return
			}
		}
	}()
	return batches
}

// receive returns the next batch, or false if there is none or ctx ended. It does
// not wait for a picture that is being read then: one of a pipe may never come.
func receive(ctx context.Context, batches <-chan []result) ([]result, bool) {
	select {
	case results, ok := <-batches:
		return results, ok && ctx.Err() == nil
	case <-ctx.Done():
		return nil, false
	}
}

// readAll reads pictures on all processors.
func (p reader) readAll(list []source) []result {
	results := make([]result, len(list))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(list)) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(list)); i = next.Add(1) - 1 {
				r := result{File: list[i].name, err: list[i].err}
				if r.err == nil {
					if r.pixels, r.picture, r.err = p.read(r.File); !p.keep {
						r.picture = nil
					}
				}
				results[i] = r
			}
		})
	}
	wg.Wait()
	return results
}

// read reads one picture, and prepares it.
func (p reader) read(name string) (pixels []float32, img image.Image, err error) {
	f := os.Stdin
	if name != stdin {
		if f, err = regular.Stream(name); err != nil {
			return nil, nil, reason(err)
		}
		defer f.Close()
	}
	if img, err = decode.Read(f, p.most); err != nil {
		return nil, nil, fmt.Errorf("infer: %w", err)
	}
	pixels, err = p.pixels(img)
	return pixels, img, err
}

// pixelsOf are the pictures as a network takes them.
func pixelsOf(results []result) [][]float32 {
	pixels := make([][]float32, len(results))
	for i, r := range results {
		pixels[i] = r.pixels
	}
	return pixels
}

// predict fills in what the network makes of pictures, or that it makes nothing of one.
func predict(ctx context.Context, n network, results []result) error {
	predictions, err := cli.Until(ctx, func() ([]infer.Prediction, error) { return n.Predict(pixelsOf(results)) })
	switch {
	case errors.Is(err, infer.ErrNotFinite) && len(results) == 1:
		results[0].err = fmt.Errorf("infer: %w", infer.ErrNotFinite)
		return nil
	case errors.Is(err, infer.ErrNotFinite): // of one picture at least
		for i := range results {
			if err := predict(ctx, n, results[i:i+1]); err != nil {
				return err
			}
		}
		return nil
	case err != nil:
		return err
	}
	for i, prediction := range predictions {
		r := &results[i]
		r.Class, r.best, r.Probabilities = prediction.Label, prediction.Class, prediction.Probabilities
		if n.judges {
			r.Unknown = &predictions[i].Unknown
		}
	}
	return nil
}
