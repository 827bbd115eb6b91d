package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"tapenet/graph"
)

// profiles writes, for every combination, what the ops of the graph take. Reading
// the batch and the optimizer are no ops and stay out. A combination that cannot
// be profiled does not stop the others.
func (o options) profiles(ctx context.Context, out io.Writer) error {
	m, err := measureMachine(ctx, o.time)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%v\n\n", m)
	var failed []error
	for _, c := range o.combinations {
		p, err := o.profileCombination(ctx, c)
		if ctx.Err() != nil {
			return about(ctx, c, err)
		}
		if err != nil {
			failed = append(failed, about(ctx, c, err))
			continue
		}
		if err := p.write(out, o.by, m); err != nil {
			return err
		}
	}
	return errors.Join(failed...)
}

// profile is what the nodes of a graph take, in the order in which they run.
type profile struct {
	combination
	nodes []nodeTime
}

// nodeTime is a node with its median time in milliseconds.
type nodeTime struct {
	layer, op string
	ms        float64
	cost
}

// profileCombination runs the graph until the time is up.
func (o options) profileCombination(ctx context.Context, c combination) (p profile, err error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(c.Threads))
	m, err := o.newModel(c)
	if err != nil {
		return p, err
	}
	for range warmUp {
		if err := m.RunContext(ctx); err != nil {
			return p, err
		}
	}
	var runs [][]graph.NodeTime
	for began := time.Now(); len(runs) < minSteps || time.Since(began) < o.time && len(runs) < maxProfiles; {
		if err := ctx.Err(); err != nil {
			return p, err
		}
		times, err := m.Profile()
		if err != nil {
			return p, err
		}
		runs = append(runs, times)
	}
	return profile{c, medians(runs)}, nil
}

// maxProfiles bounds the runs of a graph that are kept.
const maxProfiles = 1 << 12

// medians are the medians over all runs, node by node.
func medians(runs [][]graph.NodeTime) []nodeTime {
	nodes := make([]nodeTime, len(runs[0]))
	times := make([]time.Duration, len(runs))
	for i, t := range runs[0] {
		for k, run := range runs {
			times[k] = run[i].Time
		}
		slices.Sort(times)
		nodes[i] = nodeTime{t.Layer, t.Op, float64(times[len(times)/2]) / 1e6, costOf(t)}
	}
	return nodes
}

// newModel builds the graph of a combination and fills its input.
func (o options) newModel(c combination) (*graph.Model, error) {
	n, err := o.size.open(c.Model)
	if err != nil {
		return nil, err
	}
	mode := graph.Infer
	if c.Mode == modeTrain {
		mode = graph.Train
	}
	m, err := n.build(mode, c.Batch)
	if err != nil {
		return nil, err
	}
	out := m.OutputShape()
	pool, err := newImages(n.input, out[len(out)-1])
	if err != nil {
		return nil, err
	}
	labels := make([]float32, c.Batch)
	if m.Target != nil {
		labels = m.Target.Float32s()
	}
	pool.read(m.Input.Float32s(), labels)
	return m, nil
}

// opTime is all nodes of one op.
type opTime struct {
	op    string
	calls int
	ms    float64
	cost
}

// ops sums up the nodes by the name of their op, the longest time first.
func (p profile) ops() []opTime {
	at := map[string]int{}
	var all []opTime
	for _, n := range p.nodes {
		name, _, _ := strings.Cut(n.op, " ")
		i, ok := at[name]
		if !ok {
			i = len(all)
			at[name] = i
			all = append(all, opTime{op: name})
		}
		if !picks(n.op) {
			all[i].calls++
		}
		all[i].ms += n.ms
		all[i].mulAdds += n.mulAdds
		all[i].bytes += n.bytes
	}
	slices.SortStableFunc(all, func(a, b opTime) int { return cmp.Compare(b.ms, a.ms) })
	return all
}

// write writes the profile as a table. What takes less than a thousandth of the
// time is summed up in the last line.
func (p profile) write(out io.Writer, by string, m machine) error {
	total := 0.0
	for _, n := range p.nodes {
		total += n.ms
	}
	fmt.Fprintf(out, "%v: %s ms in %d nodes\n", p.combination, milliseconds(total), len(p.nodes))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	peak := m.PeakMulAdds * float64(min(p.Threads, m.Cores))
	var rest opTime
	line := func(label string, calls int, ms float64, c cost) {
		if ms < total/1000 {
			rest.calls, rest.ms = rest.calls+calls, rest.ms+ms
			return
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%.1f %%\t%s\n", label, calls, milliseconds(ms), 100*ms/total, c.rates(ms, peak))
	}
	if by == byOp {
		fmt.Fprintln(w, "op\tcalls\tms\tshare\tGFLOP/s\tof peak\tGB/s")
		for _, o := range p.ops() {
			line(o.op, o.calls, o.ms, o.cost)
		}
	} else {
		fmt.Fprintln(w, "layer\top\tcalls\tms\tshare\tGFLOP/s\tof peak\tGB/s")
		for _, n := range p.nodes {
			line(n.layer+"\t"+n.op, 1, n.ms, n.cost)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if rest.ms > 0 {
		fmt.Fprintf(out, "others, of less than a thousandth of the time each: %d calls, %s ms\n", rest.calls, milliseconds(rest.ms))
	}
	_, err := fmt.Fprintln(out)
	return err
}

// rates are the cells of what is done in a time: two floating-point operations
// for each multiply-add, their share of the peak of all threads, and the values
// that are read and written.
func (c cost) rates(ms, peak float64) string {
	seconds := ms / 1e3
	adds := float64(c.mulAdds) / seconds
	return fmt.Sprintf("%s\t%s\t%s", known(adds, fmt.Sprintf("%.1f", 2*adds/1e9)),
		known(adds, fmt.Sprintf("%.0f %%", 100*adds/peak)), known(float64(c.bytes), fmt.Sprintf("%.1f", float64(c.bytes)/seconds/1e9)))
}
