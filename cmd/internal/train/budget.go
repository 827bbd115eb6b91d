package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"tapenet/cmd/internal/cli"
	"tapenet/cmd/internal/dataset"
	"tapenet/graph"
	"tapenet/train"
	"tapenet/train/data"
)

// What -time makes of its time.
const (
	usedShare = 0.97 // of it: a step may take a little longer than it was measured
	endShare  = 2.5  // evaluations that the end of a run takes: the last one, and the report's
	least     = 3 * time.Second
	topEpochs = 10000
	few       = 10  // epochs, fewer of which do not fill a time to a tenth
	warmSteps = 100 // in which the rate rises
)

// squares are the sizes that -time chooses from, in pixels.
var squares = []int{32, 48, 64, 96, 128, 160, 192, 224}

// checkTime refuses what -time does not go with; epochs and schedule say that a flag or a
// file has set them.
func (o options) checkTime(epochs, schedule bool) error {
	switch {
	case o.time == 0:
		return nil
	case o.time < least:
		return cli.Usagef("train: -time %v, want %v or more", o.time, least)
	case epochs:
		return cli.Usagef("train: -time with -epochs, want one of them: -time chooses the epochs")
	case schedule:
		return cli.Usagef("train: -time with -schedule, want one of them: the rate rises, stays and falls in the last quarter")
	case o.adversarial != "none":
		return cli.Usagef("train: -time with -adversarial, want -epochs")
	case o.resume || o.findRate || o.folds > 0 || o.from != "":
		return cli.Usagef("train: -time with -resume, -find-lr, -folds or -from, want it alone: a run in its config.toml has what was chosen")
	}
	return nil
}

// pace is how long training takes with images of one size.
type pace struct {
	shape [3]int
	epoch time.Duration // with its evaluation
	end   time.Duration // what follows the last epoch
}

// epochs is the number of them that a time has room for.
func (p pace) epochs(left time.Duration) float64 {
	return min(topEpochs, float64(left-p.end)/float64(p.epoch))
}

// within chooses for -time what the run is to be: for photographs whose size no flag says
// the largest size at which as many epochs fit as the recipe has; how many epochs, which
// replan corrects as the run goes; and where fewer than a few of them fit, on how many
// images. What is measured is steps on images of nothing, which take as long as others.
func (o options) within(ctx context.Context, began time.Time, show *display) (options, *plan, error) {
	if show.team.Group != nil {
		return o, nil, cli.Usagef("train: -time under mpirun, want -epochs")
	}
	m, err := o.measurer()
	if err != nil {
		return o, nil, err
	}
	end := began.Add(time.Duration(usedShare * float64(o.time)))
	left := func() time.Duration { return time.Until(end) - m.reading }
	p, err := m.measure(ctx, m.set.Shape)
	if err != nil {
		return o, nil, err
	}
	if o.recipe == photographs && o.height == 0 && o.width == 0 {
		measure := func(shape [3]int) (pace, error) { return m.measure(ctx, shape) }
		if p, err = chooseSize(p, m.set.Side, func(p pace) bool { return p.epochs(left()) >= float64(o.epochs) }, measure); err != nil {
			return o, nil, err
		}
		o.height, o.width = p.shape[1], p.shape[2]
		o.choose("height", o.height)
		o.choose("width", o.width)
	}
	epochs := p.epochs(left())
	n, images := int(epochs), m.set.Train.Len()
	switch {
	case epochs <= 0: // a model all the same
		n = 1
		show.printf("note: %v are not enough: what comes before and after the epochs takes %v alone; one epoch is trained\n",
			o.time, (time.Since(began) + m.reading + p.end).Round(10*time.Millisecond))
	case epochs < few:
		n = int(math.Ceil(epochs))
		o.limit = max(1, int(float64(images)*epochs/float64(n)))
		o.choose("limit", o.limit)
		images = o.limit
	}
	steps := float64((images + o.batch - 1) / o.batch)
	o.epochs, o.schedule = n, train.Cooldown{Warmup: min(warmSteps/steps, float64(n)/10)}.String()
	o.choose("epochs", n)
	o.choose("schedule", o.schedule)
	if epochs > 0 {
		show.printf("%v are enough for about %d epochs of %d images of %s, %v each\n", o.time, n, images, cli.Shape(p.shape), p.epoch.Round(time.Millisecond))
	}
	return o, &plan{end: end.Add(-p.end), epochs: n, fixed: n == 1}, nil
}

// plan is what is left of -time for epochs.
type plan struct {
	end    time.Time // of the last one
	began  time.Time // of the first one
	epochs int
	fixed  bool // the rate falls already
}

// follow has a run's epochs planned.
func (p *plan) follow(c *train.Config, show *display) {
	p.began = time.Now()
	c.Replan = func(done int) int {
		show.epochs = p.replan(done)
		show.settings["epochs"] = show.epochs
		return show.epochs
	}
}

// record writes the epochs into the run's settings, which then repeat it.
func (p *plan) record(show *display) error {
	text, err := show.settings.text(nil)
	if err != nil {
		return err
	}
	return writeText(filepath.Join(show.out, configFile), text)
}

// replan is the number of epochs by the pace of those that are done, as long as the next
// one is not in the last part of the run, where the rate falls.
func (p *plan) replan(done int) int {
	if p.fixed || done == 0 {
		return p.epochs
	}
	each := time.Since(p.began) / time.Duration(done)
	const flat = 0.75 // of the run, see train.Cooldown
	least := int(math.Ceil(float64(done) / flat))
	p.epochs = max(least, done+int(time.Until(p.end)/each))
	p.fixed = float64(done+1) > flat*float64(p.epochs)
	return p.epochs
}

// choose sets a setting that a flag might have set.
func (o *options) choose(name string, v any) {
	o.settings = o.settings.with(name, v)
	o.changed += fmt.Sprintf(" -%s %v", name, v)
}

// measurer measures a run's pace.
type measurer struct {
	options
	from    origin
	config  train.Config
	steps   []data.Augmentation
	set     data.Dataset
	reading time.Duration // that the pictures will take to be read, once
}

func (o options) measurer() (m measurer, err error) {
	m.options = o
	if m.from, m.config, m.steps, err = o.fit(); err != nil {
		return m, err
	}
	images := o.pictures()
	images.Memory = -1
	if m.set, err = dataset.Open(images, o.data); err != nil {
		return m, err
	}
	m.set.Train, m.set.Test = data.Limit(m.set.Train, o.limit), data.Limit(m.set.Test, o.limit)
	if dataset.OfPictures(o.data) {
		m.reading = readingTime(m.set)
	}
	c := &m.config
	c.Dir, c.Resume, c.KeepCheckpoints, c.Patience, c.ClassWeights = "", false, 0, 0, nil
	return m, nil
}

// readingTime estimates how long all pictures take, from a few of them. One that cannot
// be read is found later.
func readingTime(set data.Dataset) time.Duration {
	const some = 12
	n := min(some, set.Train.Len())
	x := make([]float32, set.Shape[0]*set.Shape[1]*set.Shape[2])
	began := time.Now()
	for i := range n {
		set.Train.Read(i, x)
	}
	all := set.Train.Len() + set.Test.Len()
	return time.Since(began) * time.Duration(all) / time.Duration(n*min(runtime.GOMAXPROCS(0), all))
}

// chooseSize goes from the pace that was measured to that of the largest size that fits, of
// those that pictures with such a shorter side have the pixels for. It begins where the
// number of pixels lets it guess, and measures from there.
func chooseSize(p pace, side int, fits func(pace) bool, measure func(shape [3]int) (pace, error)) (pace, error) {
	sizes := slices.DeleteFunc(slices.Clone(squares), func(s int) bool { return s > max(side, squares[0]) })
	at := slices.Index(sizes, p.shape[1])
	if at < 0 { // pictures smaller than the sizes
		return p, nil
	}
	guess := func(k int) bool {
		other, ratio := p, float64(sizes[k]*sizes[k])/float64(p.shape[1]*p.shape[2])
		other.epoch, other.end = time.Duration(ratio*float64(p.epoch)), time.Duration(ratio*float64(p.end))
		return fits(other)
	}
	best := 0
	for best+1 < len(sizes) && guess(best+1) {
		best++
	}
	measured := func(k int) (pace, error) {
		if sizes[k] == p.shape[1] {
			return p, nil
		}
		return measure([3]int{p.shape[0], sizes[k], sizes[k]})
	}
	now, err := measured(best)
	if err == nil && !fits(now) {
		for ; err == nil && best > 0 && !fits(now); best-- {
			now, err = measured(best - 1)
		}
		return now, err
	}
	for ; err == nil && best+1 < len(sizes); best++ {
		next, failed := measured(best + 1)
		if err = failed; err != nil || !fits(next) {
			break
		}
		now = next
	}
	return now, err
}

// measure trains for some steps in memory, on images of a shape.
func (m measurer) measure(ctx context.Context, shape [3]int) (p pace, err error) {
	d := m.set
	d.Shape, d.Train, d.Test = shape, blank{d.Train.Len(), len(d.Classes)}, blank{min(d.Test.Len(), train.EvaluationBatch(shape[:])), len(d.Classes)}
	d = data.Augment(d, m.seed, m.steps...)
	layer, err := m.from.network(d)
	if err != nil {
		return p, err
	}
	if m.teacherPath != "" {
		if m.config.Defence, err = m.teacher(d); err != nil {
			return p, err
		}
	}
	step, err := m.step(ctx, layer, d)
	if err != nil {
		return p, err
	}
	evaluation, err := evaluationTime(ctx, layer, d, m.config.Loss(d))
	if err != nil {
		return p, err
	}
	evaluation = evaluation * time.Duration(m.set.Test.Len()) / time.Duration(d.Test.Len())
	batches := (m.set.Train.Len() + m.batch - 1) / m.batch
	p.shape, p.epoch = shape, step*time.Duration(batches)+evaluation
	p.end = time.Duration(endShare*float64(evaluation)) + time.Second
	return p, nil
}

// step is the time of one, the mean of as many as a share of -time has room for.
func (m measurer) step(ctx context.Context, layer graph.Layer, d data.Dataset) (time.Duration, error) {
	const before, fewest, most = 2, 4, 200 // steps: those that do not count, and those that do
	room := min(4*time.Second, m.time/30)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	n, began, took := 0, time.Time{}, time.Duration(0)
	watch := train.BatchFunc(func(train.Progress) {
		switch n++; {
		case n == before:
			began = time.Now()
		case n > before:
			took = time.Since(began)
			if n >= before+fewest && took > room || n >= before+most {
				stop()
			}
		}
	})
	c := m.config
	c.Callbacks, c.Epochs = []train.Callback{watch}, before+most
	if _, err := train.Fit(ctx, layer, d, c); err != nil && (n < before+fewest || !errors.Is(err, context.Canceled)) {
		return 0, err
	}
	return took / time.Duration(max(1, n-before)), nil
}

// evaluationTime is that of a dataset's test part.
func evaluationTime(ctx context.Context, layer graph.Layer, d data.Dataset, loss graph.Loss) (best time.Duration, err error) {
	net, err := graph.NewNetwork(layer, d.Shape[:], graph.Options{Loss: loss})
	if err != nil {
		return 0, err
	}
	best = math.MaxInt64
	for range 3 {
		began := time.Now()
		if _, _, err := train.Evaluate(ctx, net, d.Test); err != nil {
			return 0, err
		}
		best = min(best, time.Since(began))
	}
	return best, nil
}

// blank is images of nothing.
type blank struct{ n, classes int }

func (b blank) Len() int { return b.n }

// Read implements [data.Samples].
func (b blank) Read(i int, x []float32) (class int, err error) {
	for k := range x {
		x[k] = float32((i+k)%255) / 255
	}
	return i % b.classes, nil
}
