package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
)

// comparison is a combination on both sides.
type comparison struct {
	combination
	Input    []int   `json:"input"`
	Ours     side    `json:"ours"`
	Theirs   side    `json:"theirs"` // of the fastest variant
	Ratio    float64 `json:"ratio"`  // their time to ours: above 1 we are faster
	Lowest   float64 `json:"ratio_lowest"`
	Highest  float64 `json:"ratio_highest"`
	CPURatio float64 `json:"cpu_ratio,omitempty"` // the same by processor time
	Peak     float64 `json:"peak_mul_adds_per_second"`
}

// side is what one side came to: medians over its turns.
type side struct {
	Engine          string  `json:"engine"`
	Variant         string  `json:"variant,omitempty"`
	Median          float64 `json:"ms_per_step"` // of each turn's median
	P99             float64 `json:"ms_p99"`
	ImagesPerSecond float64 `json:"images_per_second"`
	CPUPerStep      float64 `json:"cpu_ms_per_step,omitempty"`
	StartMS         float64 `json:"start_ms"` // until the first answer
	PeakMB          float64 `json:"peak_mb,omitempty"`
}

// compared is a comparison with all turns, for -out.
type compared struct {
	comparison
	OurTurns   []turn            `json:"our_turns"`
	TheirTurns map[string][]turn `json:"their_turns"` // by variant; those that were too slow to go on have one
}

// compareAll takes turns with another engine on all combinations. One that one of
// the sides cannot do does not stop the others; the error lists them all.
func (o options) compareAll(ctx context.Context, kept *record, stdout, stderr io.Writer) error {
	dir, err := os.MkdirTemp("", "tapenet-bench-")
	if err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	defer os.RemoveAll(dir)
	r, err := newOpponent(ctx, o.against, dir)
	if err != nil {
		return err
	}
	if !o.json {
		fmt.Fprintf(stdout, "%v; %s; medians of %d turns of %v for each side\n\n", kept.Machine, r.engine, o.rounds, o.time)
		writeComparisonHead(stdout, r.engine)
	}
	var all []comparison
	var failed []error
	for i, c := range o.combinations {
		if !o.json {
			fmt.Fprintf(stderr, "%d of %d: %v\n", i+1, len(o.combinations), c)
		}
		got, err := o.compareOne(ctx, r, c, kept.Machine)
		if ctx.Err() != nil {
			return about(ctx, c, err)
		}
		if err != nil {
			failed = append(failed, about(ctx, c, err))
			continue
		}
		all, kept.Comparisons = append(all, got.comparison), append(kept.Comparisons, got)
		if err := kept.write(); err != nil {
			return err
		}
		if err := o.show(stdout, got.comparison); err != nil {
			return err
		}
	}
	if !o.json {
		writeMeans(stdout, all)
	}
	return errors.Join(failed...)
}

func (o options) show(stdout io.Writer, c comparison) error {
	if o.json {
		return json.NewEncoder(stdout).Encode(c)
	}
	return c.write(stdout)
}

// slower is how much slower than the fastest variant another one may be in its
// first turn, to take part in the others.
const slower = 1.2

// contestant is a variant of the other engine.
type contestant struct {
	variant string
	process *process
	turns   []turn
}

// compareOne takes turns on one combination.
func (o options) compareOne(ctx context.Context, r *opponent, c combination, m machine) (compared, error) {
	got := compared{comparison: comparison{combination: c}, TheirTurns: map[string][]turn{}}
	if err := m.measurePeak(ctx, min(o.time, peakTime)); err != nil {
		return got, err
	}
	warm(c.Model)
	ours, err := o.ours(ctx, engineOurs, c)
	if err != nil {
		return got, err
	}
	defer ours.end()
	contestants, err := o.choose(ctx, r, c, ours.started, got.TheirTurns)
	if err != nil {
		return got, fmt.Errorf("%s: %w", r.engine, err)
	}
	for _, k := range contestants {
		defer k.process.end()
	}
	for i := range o.rounds {
		t, err := ours.turn(o.time)
		if err != nil {
			return got, err
		}
		got.OurTurns = append(got.OurTurns, t)
		for _, k := range contestants {
			if i == 0 && k.turns != nil {
				continue // it had this turn when it was chosen
			}
			if t, err = k.process.turn(o.time); err != nil {
				return got, fmt.Errorf("%s: %w", r.engine, err)
			}
			k.turns = append(k.turns, t)
		}
	}
	got.sum(ours.started, contestants)
	got.Peak = m.PeakMulAdds
	return got, nil
}

// choose tries the variants of the other engine one after another, so that never
// more than a few have memory. Those that come close to the fastest are returned.
func (o options) choose(ctx context.Context, r *opponent, c combination, ours started, tried map[string][]turn) (in []*contestant, err error) {
	variants := r.variants(c)
	defer func() {
		if err != nil {
			for _, k := range in {
				k.process.end()
			}
		}
	}()
	for _, variant := range variants {
		p, err := r.start(ctx, o, c, variant, ours)
		if err != nil {
			return in, err
		}
		k := &contestant{variant: variant, process: p}
		in = append(in, k)
		if err := agree(ours.Output, p.started.Output); err != nil {
			return in, err
		}
		if len(variants) == 1 {
			return in, nil
		}
		t, err := p.turn(o.time)
		if err != nil {
			return in, err
		}
		k.turns = []turn{t}
		tried[variant] = k.turns
		in = withoutSlow(in)
	}
	return in, nil
}

// withoutSlow ends the contestants whose only turn was too slow.
func withoutSlow(all []*contestant) []*contestant {
	fastest := math.Inf(1)
	for _, k := range all {
		fastest = min(fastest, k.turns[0].median())
	}
	return slices.DeleteFunc(all, func(k *contestant) bool {
		slow := k.turns[0].median() > slower*fastest
		if slow {
			k.process.end()
		}
		return slow
	})
}

// maxDeviation is how far two outputs may be apart, as a share of the largest
// value: float32 in another order, not another network.
const maxDeviation = 1e-3

// agree returns an error unless both sides have come to the same output, if both
// tell it.
func agree(ours, theirs []float32) error {
	if len(ours) == 0 || len(theirs) == 0 {
		return nil
	}
	if len(ours) != len(theirs) {
		return fmt.Errorf("its output has %d values, ours %d: want the same network", len(theirs), len(ours))
	}
	largest, apart := 0.0, 0.0
	for i, v := range ours {
		largest = max(largest, math.Abs(float64(theirs[i])))
		apart = max(apart, math.Abs(float64(v-theirs[i])))
	}
	if !(apart <= maxDeviation*largest) {
		return fmt.Errorf("its output differs from ours by %.2g, its largest value is %.2g: want the same to %g of that", apart, largest, maxDeviation)
	}
	return nil
}

// sum computes the figures from the turns.
func (c *compared) sum(ours started, contestants []*contestant) {
	images := ours.Images
	c.Input = ours.Input
	ours.Engine = "tapenet"
	c.Ours = newSide(ours, "", c.OurTurns, images)
	for i, k := range contestants {
		c.TheirTurns[k.variant] = k.turns
		if s := newSide(k.process.started, k.variant, k.turns, images); i == 0 || s.Median < c.Theirs.Median {
			c.Theirs = s
		}
	}
	c.Ratio = c.Theirs.Median / c.Ours.Median
	if c.Ours.CPUPerStep > 0 {
		c.CPURatio = c.Theirs.CPUPerStep / c.Ours.CPUPerStep
	}
	c.Lowest, c.Highest = math.Inf(1), 0
	for i, t := range c.TheirTurns[c.Theirs.Variant] {
		ratio := t.median() / c.OurTurns[i].median()
		c.Lowest, c.Highest = min(c.Lowest, ratio), max(c.Highest, ratio)
	}
}

func newSide(s started, variant string, turns []turn, images int) side {
	over := func(f func(figures) float64) float64 {
		var all []float64
		for _, t := range turns {
			all = append(all, f(t.figures(images, 0)))
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	one := side{Engine: s.Engine, Variant: variant, StartMS: s.total()}
	one.Median = over(func(f figures) float64 { return f.Median })
	one.P99 = over(func(f figures) float64 { return f.P99 })
	one.ImagesPerSecond = over(func(f figures) float64 { return f.ImagesPerSecond })
	one.PeakMB = over(func(f figures) float64 { return f.PeakMB })
	if perCPUSecond := over(func(f figures) float64 { return f.ImagesPerCPUSecond }); perCPUSecond > 0 {
		one.CPUPerStep = 1e3 * float64(images) / perCPUSecond
	}
	return one
}

// median is that of a turn's steps.
func (t turn) median() float64 { return t.figures(1, 0).Median }

// geometricMean is that of positive numbers.
func geometricMean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += math.Log(v)
	}
	return math.Exp(sum / float64(len(values)))
}
