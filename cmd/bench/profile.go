package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"

	"tapenet/graph"
)

// profiles writes, for every combination, the median time of each node of the
// graph. Reading the batch and the optimizer are no nodes and stay out.
func (o options) profiles(ctx context.Context, out io.Writer) error {
	for _, c := range o.combinations {
		nodes, total, err := o.profileCombination(ctx, c)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%v: %s ms in %d nodes\n", c, milliseconds(total), len(nodes))
		if err := writeProfile(out, nodes, total, c.Batch); err != nil {
			return err
		}
	}
	return nil
}

// nodeTime is a node's median time in milliseconds.
type nodeTime struct {
	layer, op string
	median    float64
}

// profileCombination runs the graph until the time is up.
func (o options) profileCombination(ctx context.Context, c combination) (nodes []nodeTime, total float64, err error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(c.Threads))
	m, err := o.newModel(c)
	if err != nil {
		return nil, 0, err
	}
	for range warmUp {
		if err := m.Run(); err != nil {
			return nil, 0, err
		}
	}
	var times [][]float64 // by node
	for began, steps := time.Now(), 0; steps < minSteps || time.Since(began) < o.time; steps++ {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		p, err := m.Profile()
		if err != nil {
			return nil, 0, err
		}
		if times == nil {
			times = make([][]float64, len(p))
		}
		for i, t := range p {
			times[i] = append(times[i], float64(t.Time)/1e6)
			if steps == 0 {
				nodes = append(nodes, nodeTime{layer: t.Layer, op: t.Op})
			}
		}
	}
	for i, t := range times {
		slices.Sort(t)
		nodes[i].median = t[len(t)/2]
		total += nodes[i].median
	}
	return nodes, total, nil
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

// writeProfile writes the nodes that take a thousandth of the time or more, in
// the order in which they run.
func writeProfile(out io.Writer, nodes []nodeTime, total float64, batch int) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "layer\top\tms\tus/image\tshare")
	for _, n := range nodes {
		if n.median >= total/1000 {
			fmt.Fprintf(w, "%s\t%s\t%s\t%.2f\t%.1f %%\n", n.layer, n.op, milliseconds(n.median), 1e3*n.median/float64(batch), 100*n.median/total)
		}
	}
	fmt.Fprintln(w)
	return w.Flush()
}
