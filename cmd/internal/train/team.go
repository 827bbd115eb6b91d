package train

import (
	"context"
	"errors"
	"fmt"
	"io"

	"tapenet/cmd/internal/cli"
	"tapenet/train"
	"tapenet/train/mpi"
)

// team is the processes that a launcher such as mpirun has started, of which this is
// one; without a launcher it is this one alone. The first one speaks for all.
type team struct{ *mpi.Group }

// group is the team for train.Config.
func (t team) group() train.Group {
	if t.Group == nil {
		return nil // and no train.Group that holds nil
	}
	return t.Group
}

// first reports whether this process is the one that speaks and writes files.
func (t team) first() bool { return t.Group == nil || t.Rank() == 0 }

// agree returns nil if err is nil in all processes.
func (t team) agree(err error) error { return train.Agree(t.group(), err) }

// leave ends the team, of which this process does not need the others any more.
func (t team) leave() error {
	if t.Group == nil {
		return nil
	}
	if err := t.Close(); err != nil {
		return &train.GroupError{Err: err}
	}
	return nil
}

// String says who the team is, as in "4 ranks of Open MPI 4.1.4 (a 2, b 2)".
func (t team) String() string {
	hosts, ranks := []string{}, map[string]int{}
	for _, h := range t.Hosts() {
		if ranks[h]++; ranks[h] == 1 {
			hosts = append(hosts, h)
		}
	}
	what := "ranks"
	if t.Size() == 1 {
		what = "rank"
	}
	text := fmt.Sprintf("%d %s of %s (", t.Size(), what, t.Library())
	for i, h := range hosts {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%s %d", h, ranks[h])
	}
	return text + ")"
}

// Command is the command.
var Command = cli.Command{Name: "train", Doc: "train a network, on MNIST or on your pictures", Run: run}

// run runs the command, alone or as one of a team. What all processes of a team know
// is printed by the first one: the writers of the others go nowhere, and their errors
// are silent. A process that has lost the others says so itself, and ends them.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	people := stderr
	launcher, launched := mpi.Launched()
	if launched && launcher.Rank > 0 {
		stdout, people = io.Discard, io.Discard
	}
	o, wrong := parse(args, stdout)
	group, err := mpi.Join(mpi.Options{Timeout: o.timeout})
	if err != nil {
		if (errors.Is(err, mpi.ErrNotBuilt) || errors.Is(err, mpi.ErrUnrelated)) && launcher.Rank > 0 { // the first one says so too
			return cli.Silent(err)
		}
		return err
	}
	t := team{group}
	ctx, cancel := untilStopped(ctx, launched)
	defer cancel()
	if err = t.agree(wrong); err == nil {
		err = fit(ctx, t, o, stdout, people)
	}
	var lost *train.GroupError
	if !errors.As(err, &lost) {
		if closing := t.leave(); closing != nil {
			err = errors.Join(err, closing)
			errors.As(err, &lost)
		}
	}
	switch {
	case lost != nil:
		group.Abort(cli.Report("train", err, stderr))
	case err != nil && !t.first():
		return cli.Silent(err)
	}
	return err
}
