package train

import (
	"errors"
	"fmt"
	"testing"

	"tapenet/graph"
	"tapenet/train/data"
)

// darkening is a Defence that takes By times the step off each pixel, and so much times
// the sample's index as By says.
type darkening struct{ By float64 }

func (d darkening) Begin(t Task) (Defender, error) {
	if d.By < 0 {
		return nil, errors.New("too dark")
	}
	return &darkener{d, t}, nil
}

func (d darkening) Check() error { return share("darkening: By", max(d.By, 0)) }

type darkener struct {
	darkening
	task Task
}

func (d *darkener) Loss() graph.Loss { return d.task.Loss }

func (d *darkener) Batch(at Moment, m *graph.Model, samples []int) error {
	x := m.Input.Float32s()
	size := len(x) / len(samples)
	for k, i := range samples {
		if k >= m.Target.Size() {
			return fmt.Errorf("%d samples for %d targets", len(samples), m.Target.Size())
		}
		for p := range size {
			x[k*size+p] -= float32(d.By * float64(at.Step+i))
		}
	}
	return nil
}

// A Defence is told of the run, and what it does to images is what is trained on.
func TestDefence(t *testing.T) {
	c := Config{Epochs: 1, Batch: 8}
	plain := fit(t, plainNet(), blobSet(20, 5), c)
	c.Defence = darkening{}
	if got := fit(t, plainNet(), blobSet(20, 5), c); got.SHA256 != plain.SHA256 {
		t.Error("a Defence that does nothing gives other weights than none")
	}
	c.Defence = darkening{0.01}
	if got := fit(t, plainNet(), blobSet(20, 5), c); got.SHA256 == plain.SHA256 {
		t.Error("a Defence that changes images gives the weights of none")
	}
}

// Its errors end the run before it begins, and say whose they are.
func TestDefenceErrors(t *testing.T) {
	failing(t, plainNet(), blobSet(20, 5), Config{Epochs: 1, Defence: darkening{-1}}, "train: defence: too dark")
	failing(t, plainNet(), blobSet(20, 5), Config{Epochs: 1, Defence: darkening{2}}, "train: darkening: By 2")
}

// TestDefenceResumes: a run that stops and goes on comes to the same weights, and refuses
// to go on with another Defence.
func TestDefenceResumes(t *testing.T) {
	d := func() data.Dataset { return blobSet(30, 5) }
	c := Config{Epochs: 2, Batch: 8, Defence: darkening{0.01}}
	want := fit(t, plainNet(), d(), c).SHA256
	c.Dir, c.Epochs = t.TempDir(), 1
	fit(t, plainNet(), d(), c)
	c.Resume, c.Epochs = true, 2
	if got := fit(t, plainNet(), d(), c).SHA256; got != want {
		t.Error("a run that went on has other weights")
	}
	c.Defence, c.Epochs = darkening{0.02}, 3
	failing(t, plainNet(), d(), c, "its defence is")
}
