package attack

import (
	"context"
	"fmt"
	"slices"
)

// search attacks one picture: it asks the trial's questions and sets its result.
type search func(t *trial)

// event is what a search tells the driver: that it asks, or that it is done.
type event struct {
	trial   *trial
	done    bool
	failure any // what it panicked with, nil if it did not
}

// driver lets searches run and answers their questions in batches. Which pictures a
// batch has does not depend on which search is faster: it is composed when all wait.
type driver struct {
	victim  *Victim
	name    string // of the attack, for Progress
	total   int    // pictures, for Progress
	events  chan event
	waiting [2][]*trial // by kind of question
	flying  int         // searches that are not done
	running int         // of them, those that do not wait
	err     error       // a search's panic
}

// drive starts searches, as many as two batches at a time, and answers all questions.
func (d *driver) drive(ctx context.Context, s search, trials []*trial) (err error) {
	defer func() { d.stop() }()
	next := 0
	for {
		for ; d.flying < 2*d.victim.batch && next < len(trials); next++ {
			d.start(trials[next], s)
		}
		d.gather()
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("attack: %s stopped: %w", d.name, err)
		}
		if d.err != nil {
			return d.err
		}
		if p := d.victim.Progress; p != nil {
			p(d.name, d.total-len(trials)+next-d.flying, d.total)
		}
		if d.flying == 0 && next == len(trials) {
			return nil
		}
		if d.flying == 2*d.victim.batch || next == len(trials) {
			if err := d.answer(); err != nil {
				return err
			}
		}
	}
}

// start makes a trial's memory and runs its search.
func (d *driver) start(t *trial, s search) {
	t.logits = make([]float64, d.victim.classes)
	t.gradient = make([]float32, d.victim.pixels)
	t.answer, t.driver = make(chan bool, 1), d
	d.flying++
	d.running++
	go func() {
		defer func() { d.events <- event{t, true, recover()} }()
		s(t)
	}()
}

// gather waits until no search runs: all ask, or are done.
func (d *driver) gather() {
	for d.running > 0 {
		e := <-d.events
		d.running--
		if !e.done {
			d.waiting[e.trial.kind] = append(d.waiting[e.trial.kind], e.trial)
			continue
		}
		d.flying--
		if e.failure != nil {
			d.err = fmt.Errorf("attack: picture %d: %v", e.trial.image, e.failure)
		}
		e.trial.release()
	}
}

// release gives back a trial's memory, all but its result.
func (t *trial) release() { t.logits, t.gradient, t.x = nil, nil, nil }

// answer runs a batch of the kind that most ask for, the first pictures of the list
// first.
func (d *driver) answer() error {
	k := prediction
	if len(d.waiting[gradient]) >= len(d.waiting[prediction]) {
		k = gradient
	}
	waiting := d.waiting[k]
	slices.SortFunc(waiting, func(a, b *trial) int { return a.image - b.image })
	n := min(len(waiting), d.victim.batch)
	batch := waiting[:n:n]
	if err := d.victim.run(k, batch); err != nil {
		return err
	}
	d.running += n
	for _, t := range batch {
		t.answer <- true
	}
	d.waiting[k] = append(waiting[:0], waiting[n:]...)
	return nil
}

// stop ends all searches that wait.
func (d *driver) stop() {
	for k, waiting := range d.waiting {
		d.running += len(waiting)
		for _, t := range waiting {
			t.answer <- false
		}
		d.waiting[k] = nil
	}
	d.gather()
}
