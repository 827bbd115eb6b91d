package zoo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"text/tabwriter"

	"tapenet/graph"
	"tapenet/graph/memory"
	"tapenet/train"
	"tapenet/train/data"
)

// subject is the network that is shown.
type subject struct {
	layer graph.Layer
	input []int // of a sample
	batch int

	untrained string // why there is no training of it; "" if there is
}

// samples are so many images that nobody reads.
type samples int

func (s samples) Len() int { return int(s) }
func (s samples) Read(int, []float32) (int, error) {
	return 0, errors.New("zoo: there are no images, want their number alone")
}

// dataset is one of many whole batches, and of as many test images.
func (s subject) dataset(test int) data.Dataset {
	return data.Dataset{Shape: [3]int(s.input), Train: samples(many * s.batch), Test: samples(test)}
}

// use is what a process takes that runs one graph: the graph's own memory, and
// what the process has besides. Nothing is added for the garbage collector: what a run
// keeps it makes in its first steps, and later it leaves next to no garbage.
type use struct {
	graph.Memory
	optimizer, batches int
	program            int // the program, and the graph itself
}

func (u use) total() int { return u.Memory.Total() + u.optimizer + u.batches + u.program }

// many is the number of batches of a dataset that is no small one.
const many = 1 << 10

// showMemory writes what a process takes for inference, for training, and for a
// run of train.
func (s subject) showMemory(ctx context.Context, w io.Writer) error {
	infer, inferExact, err := s.inference(ctx)
	if err != nil {
		return err
	}
	if s.untrained != "" {
		if err := writeMemory(w, infer, nil, inferExact); err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "Training is left out: %s.\n", s.untrained)
		return err
	}
	trained, evaluation, trainExact, err := s.training(ctx)
	if err != nil {
		return err
	}
	if err := writeMemory(w, infer, &trained, inferExact && trainExact); err != nil {
		return err
	}
	fmt.Fprintf(w, "A run of train evaluates too, %d images at a time: %s MB", train.Config{Batch: s.batch}.EvaluationBatch(s.input), megabytes(trained.total()+evaluation))
	if s.batch > 1 {
		fmt.Fprintf(w, ", and up to %s MB more if the last batch of an epoch is shorter", megabytes(trained.Own()/s.batch*(s.batch-1)))
	}
	_, err = fmt.Fprintln(w, ".")
	return err
}

// writeMemory writes the table; trained is nil where nothing is trained.
func writeMemory(w io.Writer, infer use, trained *use, exact bool) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "memory in MB\tinference")
	if trained != nil {
		fmt.Fprint(t, "\ttraining")
	}
	fmt.Fprintln(t)
	for _, row := range []struct {
		name string
		of   func(u use) int
	}{
		{"parameters", func(u use) int { return u.Parameters }},
		{"state", func(u use) int { return u.State }},
		{"input and target", func(u use) int { return u.Inputs }},
		{"output, loss, gradients of parameters", func(u use) int { return u.Results }},
		{"other values", func(u use) int { return u.Values }},
		{"workspaces", func(u use) int { return u.Workspaces }},
		{"Adam's two values for each parameter", func(u use) int { return u.optimizer }},
		{"images read ahead", func(u use) int { return u.batches }},
		{"program and graph", func(u use) int { return u.program }},
		{"resident memory", use.total},
	} {
		fmt.Fprintf(t, "%s\t%s", row.name, megabytes(row.of(infer)))
		if trained != nil {
			fmt.Fprintf(t, "\t%s", megabytes(row.of(*trained)))
		}
		fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil || exact {
		return err
	}
	_, err := fmt.Fprintln(w, "Workspaces are estimated where the memory that is available is not enough to run the network.")
	return err
}

// inference measures a graph for inference, as infer and serve run it; exact says that it
// was run.
func (s subject) inference(ctx context.Context) (u use, exact bool, err error) {
	m, err := s.build(graph.Options{Fixed: true})
	if err != nil {
		return u, false, err
	}
	clean()
	need := train.NeedOf(m)
	u.Memory, exact, err = settled(ctx, m, need)
	u.program = need.Resident - u.Parameters - u.State
	return u, exact, err
}

// training measures a graph for training, and what a run of train takes besides
// for evaluation: another graph, and images read ahead.
func (s subject) training(ctx context.Context) (u use, evaluation int, exact bool, err error) {
	net, err := graph.NewNetwork(s.layer, s.input, graph.Options{})
	if err != nil {
		return u, 0, false, err
	}
	m, err := net.Model(graph.Train, s.batch)
	if err != nil {
		return u, 0, false, err
	}
	clean()
	config := train.Config{Batch: s.batch}
	need, err := config.Need(net, s.dataset(0))
	if err != nil {
		return u, 0, false, err
	}
	if u.Memory, exact, err = settled(ctx, m, need); err != nil {
		return u, 0, false, err
	}
	u.optimizer, u.batches, u.program = need.Optimizer, need.Batches, need.Resident-u.Parameters-u.State
	batch := train.Config{Batch: s.batch}.EvaluationBatch(s.input)
	run, err := config.Need(net, s.dataset(many*batch))
	if err != nil {
		return u, 0, false, err
	}
	eval, err := net.Model(graph.Eval, batch)
	if err != nil {
		return u, 0, false, err
	}
	used, exactEval, err := settled(ctx, eval, train.NeedOf(eval))
	return u, used.Own() + run.Batches - need.Batches, exact && exactEval, err
}

// clean gives back what earlier graphs took: it must not count. Gorgonia's machines
// have finalizers, and only when these have run does a collection free the graphs. They
// run in the order in which a collection finds them, so that behind the second
// sentinel all of the first collection's are done.
func clean() {
	for range 2 {
		done := make(chan struct{})
		runtime.SetFinalizer(&sentinel{}, func(*sentinel) { close(done) })
		runtime.GC()
		<-done
	}
	debug.FreeOSMemory()
}

// sentinel is what shows that finalizers have run. It is no tiny object: those share
// memory with others, and may never be finalized.
type sentinel [64]byte

// settled runs a model until its ops have made their workspaces, unless the machine
// has less memory than it needs: then they are estimated.
func settled(ctx context.Context, m *graph.Model, need train.Need) (used graph.Memory, exact bool, err error) {
	used = m.Memory()
	if available, known := memory.Available(); known && need.ToCome() > available {
		used.Workspaces += need.Graphs - used.Own()
		return used, false, nil
	}
	for workspaces := -1; workspaces < used.Workspaces; {
		if err := ctx.Err(); err != nil {
			return used, false, err
		}
		workspaces = used.Workspaces
		if err := m.RunContext(ctx); err != nil {
			return used, false, err
		}
		used = m.Memory()
	}
	return used, true, nil
}

// megabytes writes a number of bytes in millions.
func megabytes(n int) string { return fmt.Sprintf("%.2f", float64(n)/1e6) }
