package label

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"sync/atomic"

	"tapenet/infer"
)

// model is a network whose guesses are shown.
type model struct {
	predictor *infer.Predictor
	name      string // as -model has it
}

// guess is what a model makes of a picture.
type guess struct {
	by      *model
	class   string
	p       float32
	unknown bool
}

// guesser computes the guesses for a folder's pictures, once for each model and picture.
type guesser struct {
	folder *folder
	gate   *gate
	model  atomic.Pointer[model]          // nil for none
	failed atomic.Pointer[string]         // why there are no guesses
	wake   chan struct{}                  // there may be pictures without a guess
	adding func(p *picture, small []byte) // takes the small form of a picture
}

func newGuesser(f *folder, g *gate) *guesser {
	return &guesser{folder: f, gate: g, wake: make(chan struct{}, 1), adding: f.keep}
}

// load takes another model.
func (g *guesser) load(path string) error {
	p, err := infer.Load(path)
	if err != nil {
		return err
	}
	if c := p.Input[0]; c != 1 && c != 3 {
		return fmt.Errorf("label: %s takes images of %d channels, want a model for pictures", path, c)
	}
	g.model.Store(&model{p, path})
	g.failed.Store(nil)
	g.look()
	return nil
}

// look has work see whether there are pictures without a guess.
func (g *guesser) look() {
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

// together is how many pictures go through the network at a time.
const together = 8

// work computes guesses until ctx ends.
func (g *guesser) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.wake:
		}
		for ctx.Err() == nil {
			m := g.model.Load()
			if m == nil {
				break
			}
			some := g.folder.unguessed(m, together)
			if len(some) == 0 {
				break
			}
			if err := g.guess(ctx, m, some); err != nil {
				text := sentence(err)
				g.failed.Store(&text)
				break
			}
		}
	}
}

// guess computes the guesses for some pictures. One that cannot be read is marked so.
func (g *guesser) guess(ctx context.Context, m *model, some []*picture) error {
	var pictures []*picture
	var pixels [][]float32
	for _, p := range some {
		err := g.gate.open(ctx, func() ([]byte, error) { return g.folder.read(p) }, func(_ string, img image.Image) error {
			x, err := m.predictor.Pixels(img)
			if err != nil {
				return err
			}
			pictures, pixels = append(pictures, p), append(pixels, x)
			if g.folder.smallOf(p) != nil {
				return nil
			}
			small, err := scaled(img, smallSide)
			if err == nil {
				g.adding(p, small)
			}
			return err
		})
		if err != nil && ctx.Err() == nil {
			g.folder.mark(p, err)
		}
	}
	if ctx.Err() != nil || len(pixels) == 0 {
		return nil
	}
	predictions, err := m.predictor.Predict(pixels)
	if err != nil {
		return err
	}
	g.folder.setGuesses(m, pictures, predictions)
	return nil
}

// unguessed are at most n pictures without a guess of a model, in no order.
func (f *folder) unguessed(m *model, n int) (some []*picture) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.byPath {
		if p.damaged == "" && (p.guess == nil || p.guess.by != m) {
			if some = append(some, p); len(some) == n {
				break
			}
		}
	}
	return some
}

func (f *folder) setGuesses(m *model, pictures []*picture, predictions []infer.Prediction) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, p := range pictures {
		of := predictions[i]
		p.guess = &guess{m, of.Label, of.Probabilities[of.Class], of.Unknown}
	}
	f.revision++
}

// mark marks a picture that cannot be read; one that is gone the next scan forgets.
func (f *folder) mark(p *picture, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p.damaged = sentence(err)
	if errors.Is(err, fs.ErrNotExist) {
		p.damaged = "the file is not there any more"
	}
	f.revision++
}
