package robust

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"tapenet/graph/attack"
	"tapenet/graph/memory"
	"tapenet/infer"
)

// meter measures one network.
type meter struct {
	ctx     context.Context
	p       *infer.Predictor
	samples Samples
	config  Config
	report  *Report

	images  [][]float32 // the first of the samples
	classes []int       // theirs
	clean   []answer    // what the network says of them
	shown   []int       // those that sheets show

	kinds    []*kind        // of changes that images were tried with
	attackee *attack.Victim // nil until it is needed

	what          string // its path
	done, end, of int    // predictions: so far, after what is being measured, in all
}

// answer is what the network says of an image.
type answer struct {
	class       int
	probability float32 // the class's
}

// newMeter reads the images, for the items to measure, and predicts them as they are.
func newMeter(ctx context.Context, p *infer.Predictor, samples Samples, c Config, chosen ...item) (*meter, error) {
	m := &meter{ctx: ctx, p: p, samples: samples, config: c, what: "clean"}
	n := c.images(samples.Len(), usualImages)
	if need := 8 * n * m.size(); !affordable(need) { // an attack holds a second one of each
		return nil, fmt.Errorf("robust: %d images need about %s of memory, want fewer", n, memory.Text(need))
	}
	var err error
	if m.images, m.classes, err = m.read(samples, 0, n); err != nil {
		return nil, err
	}
	if err := m.check(0, m.classes); err != nil {
		return nil, err
	}
	m.of, m.end = n, n
	for _, i := range chosen {
		m.of += i.cost(m)
	}
	predictions, err := m.predict(m.images)
	if err != nil {
		return nil, err
	}
	m.clean = answers(predictions)
	m.shown = m.choose(3)
	m.report = &Report{
		Input: p.Input, Classes: p.Classes, Images: n, Seed: c.Seed,
		Clean: newScore(m.right(m.clean), n),
	}
	return m, nil
}

func affordable(need int) bool {
	n := available()
	return n == 0 || need < n
}

// available is the memory that the machine has left, 0 if it does not tell.
func available() int {
	if n, known := machine(); known {
		return max(1, n)
	}
	return 0
}

// machine is memory.Available, but for tests.
var machine = memory.Available

// size is the number of values of an image.
func (m *meter) size() int { return m.p.Input[0] * m.p.Input[1] * m.p.Input[2] }

// read reads samples lo to hi.
func (m *meter) read(s Samples, lo, hi int) (images [][]float32, classes []int, err error) {
	for i := lo; i < hi; i++ {
		if err := m.stopped(); err != nil {
			return nil, nil, err
		}
		x := make([]float32, m.size())
		class, err := s.Read(i, x)
		if err != nil {
			return nil, nil, fmt.Errorf("robust: sample %d: %w", i, err)
		}
		images, classes = append(images, x), append(classes, class)
	}
	return images, classes, nil
}

// check returns an error unless the classes of samples, from lo on, are the network's.
func (m *meter) check(lo int, classes []int) error {
	for i, class := range classes {
		if class < 0 || class >= len(m.p.Classes) {
			return fmt.Errorf("robust: sample %d is of class %d, want 0 to %d", lo+i, class, len(m.p.Classes)-1)
		}
	}
	return nil
}

// stopped is the error of a cancelled context.
func (m *meter) stopped() error {
	if err := m.ctx.Err(); err != nil {
		return fmt.Errorf("robust: stopped in %s: %w", m.what, err)
	}
	return nil
}

// predict classifies images batch by batch.
func (m *meter) predict(images [][]float32) ([]infer.Prediction, error) {
	all := make([]infer.Prediction, 0, len(images))
	for lo := 0; lo < len(images); lo += batch {
		if err := m.stopped(); err != nil {
			return nil, err
		}
		some, err := m.p.Predict(images[lo:min(lo+batch, len(images))])
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
		m.advance(len(some))
	}
	return all, nil
}

// changed classifies the images after a change, which is called by several
// goroutines. Only a batch of changed images is in memory at a time.
func (m *meter) changed(change func(i int) []float32) ([]answer, error) {
	all := make([]answer, 0, len(m.images))
	for lo := 0; lo < len(m.images); lo += batch {
		if err := m.stopped(); err != nil {
			return nil, err
		}
		images := make([][]float32, min(batch, len(m.images)-lo))
		parallel(len(images), func(k int) { images[k] = change(lo + k) })
		predictions, err := m.predict(images)
		if err != nil {
			return nil, err
		}
		all = append(all, answers(predictions)...)
	}
	return all, nil
}

// parallel calls f for 0 to n-1, on every core, and returns when all have ended.
func parallel(n int, f func(i int)) {
	var next atomic.Int64
	var wait sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	wait.Wait()
}

func answers(predictions []infer.Prediction) []answer {
	all := make([]answer, len(predictions))
	for i, p := range predictions {
		all[i] = answer{p.Class, p.Probabilities[p.Class]}
	}
	return all
}

// right counts the answers, one an image, that are the image's class.
func (m *meter) right(all []answer) int {
	n := 0
	for i, a := range all {
		if a.class == m.classes[i] {
			n++
		}
	}
	return n
}

// choose returns the first images of different classes that the network knows as
// they are, or of those that there are.
func (m *meter) choose(n int) []int {
	var chosen []int
	seen := map[int]bool{}
	for i, class := range m.classes {
		if len(chosen) < n && m.clean[i].class == class && !seen[class] {
			chosen, seen[class] = append(chosen, i), true
		}
	}
	for i := range m.classes {
		if len(chosen) == 0 || len(chosen) < n && !seen[m.classes[i]] {
			chosen, seen[m.classes[i]] = append(chosen, i), true
		}
	}
	return chosen
}

// advance moves the progress on by so many predictions, at most to the end of what is
// being measured: costs are estimates.
func (m *meter) advance(n int) {
	m.done = min(m.done+n, m.end)
	if m.config.Progress != nil {
		m.config.Progress(Progress{m.what, m.done, m.of})
	}
}

// measure runs one item.
func (m *meter) measure(i item) error {
	m.what = i.path()
	m.end = m.done + i.cost(m)
	err := i.run(m)
	var skip skipped
	if errors.As(err, &skip) {
		m.report.Skipped = append(m.report.Skipped, Skip{m.what, skip.why})
		err = nil
	}
	if err != nil {
		return err
	}
	m.advance(m.end - m.done)
	return nil
}

// skipped is the error of a measurement that does not go with the network.
type skipped struct{ why string }

// Error says why.
func (s skipped) Error() string { return s.why }

// finish tells the end.
func (m *meter) finish() {
	m.what, m.end = "the end", m.of
	m.advance(m.of - m.done)
}

// picture is an image after a change, with what the network says of it.
func (m *meter) picture(i int, label string, pix []float32, a answer) Picture {
	return Picture{label, i, m.classes[i], a.class, a.probability, pix}
}
