//go:build mpi && linux && (amd64 || arm64)

package mpi

import "fmt"

// connect opens the library of the launcher, starts MPI and looks around.
func connect(l Launcher, o Options) (*Group, error) {
	t := startThread(o.Timeout)
	var p *process
	err := t.do("MPI_Init_thread", func() (err error) {
		p, err = start(l, t)
		return err
	}, func(call string) error {
		return fmt.Errorf("mpi: %v started this process, but %s has not returned after %v: not all processes have come", l, call, o.Timeout)
	})
	if err != nil {
		return nil, err
	}
	g := &Group{rank: p.rank, size: p.size, launcher: l, library: p.name, engine: p}
	if err := judge(l, p); err != nil {
		_ = g.Close() // a group of one, mostly
		return nil, err
	}
	cards, err := exchangeCards(g)
	if err != nil {
		return nil, err
	}
	for r := range cards {
		g.hosts = append(g.hosts, cards[r].hostName())
	}
	p.hosts = g.hosts
	shareProcessors(g.rank, cards)
	return g, nil
}

// start opens the library and starts MPI, on the thread. Libraries replace handlers
// of signals when they are opened, too.
func start(l Launcher, t *thread) (*process, error) {
	before := saveHandlers()
	defer dieOfAbort()
	defer before.restore()
	lib, err := openLibrary(l)
	if err != nil {
		return nil, err
	}
	if err := lib.init(); err != nil {
		return nil, err
	}
	rank, size, err := lib.place()
	if err != nil {
		return nil, err
	}
	p := newProcess(lib, t, rank, size)
	p.pmi = pmiOf(l, lib.name)
	return p, nil
}

// judge compares what the library sees with what the launcher started. The launcher
// of one library does not reach another: each process would be the only one of a
// group of its own, and all of them would write to the same folder. Where the launcher
// says how many it started, all of them find the error: it is ErrUnrelated.
func judge(l Launcher, p *process) error {
	if l.Size == p.size || l.Size == 0 && l.Rank < p.size {
		return nil
	}
	started := fmt.Sprint(l.Size)
	if l.Size == 0 {
		started = fmt.Sprintf("more than %d", l.Rank)
	}
	advice := fmt.Sprintf("start with the launcher of the library, or name the launcher's library in %s", override)
	if l.kind == slurm {
		advice = "start with srun --mpi=pmix for Open MPI, --mpi=pmi2 for MPICH"
	}
	err := fmt.Errorf("%v started %s processes, but %s (%s) sees %d: %s", l, started, p.name, p.file, p.size, advice)
	if l.Size == 0 {
		return fmt.Errorf("mpi: %w", err)
	}
	return fmt.Errorf("%w: %w", ErrUnrelated, err)
}
