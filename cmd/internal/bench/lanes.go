package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"tapenet/cmd/internal/cli"
	"tapenet/graph"
	"tapenet/train"
	"tapenet/train/data"
	"tapenet/train/mpi"
)

// This file measures steps of training in lanes and on several processes: -lanes and
// -ranks. A measurement is a process of its own, or several under a launcher, that train
// with train.Fit; all take turns.

// share is how a batch is shared out.
type share struct {
	Lanes int `json:"lanes"`
	Ranks int `json:"ranks"`
}

// engineLanes is the child that measures lanes.
const engineLanes = "lanes"

// lanedTurn is what one measurement came to. Times are those of a step, in
// milliseconds; those of the ranks are means.
type lanedTurn struct {
	Library   string    `json:"library,omitempty"`
	Samples   []float64 `json:"samples_ms"`
	Computed  []float64 `json:"computed_ms,omitempty"` // by each rank
	Waited    []float64 `json:"waited_ms,omitempty"`   // for a slower rank
	Exchanged []float64 `json:"exchanged_ms,omitempty"`
}

// median is the step in the middle.
func (t lanedTurn) median() float64 { return slices.Sorted(slices.Values(t.Samples))[len(t.Samples)/2] }

// lanedReport is what all turns came to: the turn in the middle, by its median.
type lanedReport struct {
	combination
	share
	Step    float64   `json:"ms_per_step"`
	Ratio   float64   `json:"ratio"` // of the first share's step to this one's, turn by turn: the one in the middle
	Medians []float64 `json:"medians_ms"`
	lanedTurn
}

// shares are all of some lanes on some ranks, fewer ranks than lanes or as many.
func (o options) shares() (all []share) {
	for _, l := range o.lanes {
		for _, r := range o.ranks {
			if r <= l {
				all = append(all, share{l, r})
			}
		}
	}
	return all
}

// measureLanes measures each combination with all shares, in turns.
func (o options) measureLanes(ctx context.Context, kept *record, stdout, stderr io.Writer) error {
	var reports []lanedReport
	for _, c := range o.combinations {
		turns := make([][]lanedTurn, len(o.shares()))
		for round := range o.rounds {
			for i, s := range o.shares() {
				if !o.json {
					fmt.Fprintf(stderr, "turn %d of %d: %v, %d lanes, %d ranks\n", round+1, o.rounds, c, s.Lanes, s.Ranks)
				}
				t, err := o.lanedTurn(ctx, c, s)
				if err != nil {
					return err
				}
				turns[i] = append(turns[i], t)
			}
		}
		for i, s := range o.shares() {
			r := newLanedReport(c, s, turns[i], turns[0])
			reports = append(reports, r)
			if o.json {
				if err := json.NewEncoder(stdout).Encode(r); err != nil {
					return err
				}
			}
		}
	}
	kept.Lanes = reports
	if err := kept.write(); err != nil || o.json {
		return err
	}
	fmt.Fprintf(stdout, "%v\n\n", kept.Machine)
	return writeLanes(stdout, reports)
}

func newLanedReport(c combination, s share, turns, first []lanedTurn) lanedReport {
	r := lanedReport{combination: c, share: s}
	var ratios []float64
	for i, t := range turns {
		r.Medians = append(r.Medians, t.median())
		ratios = append(ratios, first[i].median()/t.median())
	}
	slices.Sort(ratios)
	r.Ratio = ratios[len(ratios)/2]
	slices.SortFunc(turns, func(a, b lanedTurn) int { return int(math.Copysign(1, a.median()-b.median())) })
	r.lanedTurn = turns[len(turns)/2]
	r.Step = r.median()
	return r
}

func writeLanes(out io.Writer, reports []lanedReport) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	row(w, []string{"model", "mode", "batch", "threads", "lanes", "ranks", "ms/step", "images/s", "ratio", "slowest rank ms", "waiting ms", "exchange ms", "library"})
	for _, r := range reports {
		cells := append(r.combination.cells(), strconv.Itoa(r.Lanes), strconv.Itoa(r.Ranks), milliseconds(r.Step),
			thousands(float64(r.Batch)/r.Step*1e3), fmt.Sprintf("%.2f", r.Ratio))
		if len(r.Computed) > 0 {
			cells = append(cells, milliseconds(slices.Max(r.Computed)), milliseconds(slices.Max(r.Waited)), milliseconds(slices.Max(r.Exchanged)), r.Library)
		} else {
			cells = append(cells, "-", "-", "-", "-")
		}
		row(w, cells)
	}
	return w.Flush()
}

// lanedTurn is one measurement: this command, under the launcher if there are several
// ranks.
func (o options) lanedTurn(ctx context.Context, c combination, s share) (t lanedTurn, err error) {
	args, err := cli.Self("bench", "-child", engineLanes, "-mode", modeTrain, "-model", c.Model, "-batch", strconv.Itoa(c.Batch), "-threads", strconv.Itoa(c.Threads),
		"-lanes", strconv.Itoa(s.Lanes), "-height", strconv.Itoa(o.height), "-width", strconv.Itoa(o.width), "-time", o.time.String())
	if err != nil {
		return t, err
	}
	if s.Ranks > 1 {
		args = slices.Concat(strings.Fields(o.launcher), []string{"-n", strconv.Itoa(s.Ranks)}, args)
	}
	command := exec.CommandContext(ctx, args[0], args[1:]...)
	command.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(c.Threads))
	var said bytes.Buffer
	command.Stderr = &said
	answer, err := command.Output()
	if err != nil {
		return t, about(ctx, c, fmt.Errorf("%d lanes on %d ranks: %w: %s", s.Lanes, s.Ranks, err, firstLine(said.String())))
	}
	if err := json.Unmarshal(answer, &t); err != nil || len(t.Samples) == 0 {
		return t, about(ctx, c, fmt.Errorf("%d lanes on %d ranks: answered %.100q, want samples", s.Lanes, s.Ranks, answer))
	}
	return t, nil
}

// firstLine is the first line of a text that says something: launchers draw lines too.
func firstLine(text string) string {
	for line := range strings.Lines(text) {
		if line = strings.TrimPrefix(strings.TrimSpace(line), "bench: "); strings.ContainsFunc(line, unicode.IsLetter) {
			return line
		}
	}
	return "it said nothing"
}

// lanesChild measures in this process, one of a group if a launcher has started it. The
// first one answers.
func lanesChild(ctx context.Context, o options, stdout io.Writer) error {
	c := o.combinations[0]
	group, err := mpi.Join(mpi.Options{})
	if err != nil {
		return err
	}
	runtime.GOMAXPROCS(c.Threads)
	n, err := o.size.open(c.Model)
	if err != nil {
		return err
	}
	if len(n.input) != 3 {
		return cli.Usagef("bench: -lanes with a sample of (%s), want an image", dimensions(n.input))
	}
	m, err := n.build(graph.Infer, 1)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watch := &laneWatch{limit: o.time, stop: cancel}
	config := train.Config{Batch: c.Batch, Lanes: o.lanes[0], Epochs: math.MaxInt32, Seed: seed, Callbacks: []train.Callback{watch}}
	if group != nil {
		config.Group = group
		watch.turn.Library = group.Library()
	}
	if _, err := train.Fit(ctx, n.layer, noise(n.input, m.OutputShape()[1], c.Batch), config); !errors.Is(err, context.Canceled) {
		return err
	}
	if group != nil {
		if err := group.Close(); err != nil {
			return err
		}
		if group.Rank() > 0 {
			return nil
		}
	}
	return json.NewEncoder(stdout).Encode(watch.turn)
}

// laneWatch takes the time of steps.
type laneWatch struct {
	train.Ignore
	limit time.Duration
	stop  func()

	steps       int
	began, last time.Time
	before      []train.RankTime
	ended       bool
	turn        lanedTurn
}

// Batch is the train.Callback's.
func (w *laneWatch) Batch(p train.Progress) {
	now := time.Now()
	switch w.steps++; {
	case w.steps < warmUp:
	case w.steps == warmUp:
		w.began, w.before = now, slices.Clone(p.Ranks)
	default:
		w.turn.Samples = append(w.turn.Samples, float64(now.Sub(w.last))/1e6)
	}
	w.last = now
	if n := len(w.turn.Samples); n >= minSteps && now.Sub(w.began) > w.limit && !w.ended {
		w.ended = true
		for r, t := range p.Ranks {
			each := func(after, before float64) float64 { return 1e3 * (after - before) / float64(n) }
			w.turn.Computed = append(w.turn.Computed, each(t.Computed, w.before[r].Computed))
			w.turn.Waited = append(w.turn.Waited, each(t.Waited, w.before[r].Waited))
			w.turn.Exchanged = append(w.turn.Exchanged, each(t.Exchanged, w.before[r].Exchanged))
		}
		w.stop()
	}
}

// noise is a dataset of noise for so long an epoch that it does not matter how it ends.
func noise(input []int, classes, batch int) data.Dataset {
	r := &random{classes: classes, size: elements(input), n: 2000 * batch, pixels: make([]float32, elements(input)+1<<16)}
	for i := range r.pixels {
		r.pixels[i] = float32(i*7919%256) / 255
	}
	test := *r
	test.n = 1
	return data.Dataset{Name: "noise", Shape: [3]int(input), Classes: make([]string, classes), Train: r, Test: &test}
}

// random is samples that are pieces of one piece of noise.
type random struct {
	size, n, classes int
	pixels           []float32
}

func (r *random) Len() int { return r.n }

func (r *random) Read(i int, x []float32) (class int, err error) {
	at := i * 4099 % (len(r.pixels) - r.size)
	copy(x, r.pixels[at:])
	return i % r.classes, nil
}
