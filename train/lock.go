package train

import (
	"errors"
	"fmt"
	"os"
)

// errBusy is lock's error where another run has the folder.
var errBusy = errors.New("a run is going on")

// hold takes the run's folder, which must be there, until release: no other run
// can have it.
func (r *run) hold() error {
	unlock, err := lock(r.Dir)
	if errors.Is(err, errBusy) {
		return fmt.Errorf("train: %w in %s: stop it, or choose another folder", err, r.Dir)
	}
	if err != nil {
		return fmt.Errorf("train: the run's folder: %w", err)
	}
	r.unlock = unlock
	return nil
}

// release lets other runs have the folder, if this one has it.
func (r *run) release() {
	if r.unlock != nil {
		r.unlock()
		r.unlock = nil
	}
}

// moveEarlier lets OnEarlier move what is in the folder, while no other run can
// have it.
func (r *run) moveEarlier() error {
	if _, err := os.Stat(r.Dir); err != nil || r.OnEarlier == nil {
		return nil
	}
	if err := r.hold(); err != nil {
		return err
	}
	defer r.release() // the folder, which may have another name now
	return r.OnEarlier()
}
