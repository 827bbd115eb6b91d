package attack

import (
	"context"
	"errors"
)

// Clean is what Result.By says of a picture that the network is wrong about as it is.
const Clean = "clean"

// job is an attack, ready to run on a list of pictures.
type job struct {
	name    string
	norm    Norm
	epsilon float64
	seed    uint64
	search  search
	whole   bool // it asks for no prediction, see PGD.Whole
}

// maker is what all attacks of this package are: checked settings become a job.
type maker interface {
	job() (job, error)
}

// run checks what an attack is given and runs it.
func run(ctx context.Context, v *Victim, a maker, images [][]float32, classes []int) (*Outcome, error) {
	j, err := prepare(v, a, images, classes)
	if err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	results, err := v.attack(ctx, j, newList(images, classes))
	if err != nil {
		return nil, err
	}
	return &Outcome{Images: results}, nil
}

// prepare checks all that an attack is given.
func prepare(v *Victim, a maker, images [][]float32, classes []int) (j job, err error) {
	if v == nil {
		return j, errors.New("attack: the victim is nil, want one from New")
	}
	if j, err = a.job(); err != nil {
		return j, err
	}
	if err := checkBall(j.norm, j.epsilon); err != nil {
		return j, err
	}
	if classes == nil {
		classes = []int{}
	}
	return j, v.check(images, classes)
}

// list is the pictures that an attack runs on.
type list struct {
	images  [][]float32
	classes []int
	indices []int // in the user's list
	total   int   // pictures in that
}

func newList(images [][]float32, classes []int) list {
	l := list{images: images, classes: classes, total: len(images)}
	for i := range images {
		l.indices = append(l.indices, i)
	}
	return l
}

// attack runs a search for each picture: unless the job is whole, one that the network
// gets right. The logits of the clean picture are there when a search begins.
func (v *Victim) attack(ctx context.Context, j job, l list) ([]Result, error) {
	trials := make([]*trial, len(l.images))
	for i, x := range l.images {
		trials[i] = &trial{image: l.indices[i], class: l.classes[i], clean: x, seed: j.seed, result: Result{Class: -1}}
	}
	s := j.search
	if !j.whole {
		s = func(t *trial) {
			if t.fools(t.clean) {
				t.result.By = Clean
				return
			}
			j.search(t)
		}
	}
	d := &driver{victim: v, events: make(chan event, 2*v.batch), name: j.name, total: l.total}
	if err := d.drive(ctx, s, trials); err != nil {
		return nil, err
	}
	results := make([]Result, len(trials))
	for i, t := range trials {
		results[i] = t.result
		if t.result.Success && t.result.By == "" {
			results[i].By = j.name
		}
	}
	return results, nil
}
