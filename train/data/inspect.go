package data

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Inspection says how [Inspect] works.
type Inspection struct {
	Skip     bool                // leave damaged pictures out; false means that they are an error
	Progress func(done, all int) // is told how many pictures have been read, one call at a time; nil for none
}

// Inspect reads every picture of a dataset of pictures once, on all processors, before
// anything is computed from them; what fits is kept, see Options.Memory. All damaged
// pictures are named together, in the error, or if they are skipped in Notes. Notes
// also tell of files that are in the training part and in another one. A dataset that
// does not come from pictures is returned as it is.
func Inspect(ctx context.Context, d Dataset, o Inspection) (Dataset, error) {
	parts := []*Samples{&d.Train, &d.Validation, &d.Test}
	var jobs []inspected
	for part, s := range parts {
		if *s == nil || inspectorOf(*s) == nil {
			continue
		}
		for i := range (*s).Len() {
			jobs = append(jobs, inspected{part: part, index: i})
		}
	}
	if err := inspect(ctx, jobs, parts, volumeOf(d.Shape), o.Progress); err != nil {
		return d, err
	}
	var damaged []string
	good := make([][]int, len(parts))
	for _, j := range jobs {
		if j.err != nil {
			damaged = append(damaged, fmt.Sprintf("%s: %v", Name(*parts[j.part], j.index), j.err))
			continue
		}
		good[j.part] = append(good[j.part], j.index)
	}
	if len(damaged) > 0 && !o.Skip {
		return d, errDamaged(damaged)
	}
	d.Notes = slices.Clone(d.Notes)
	twice := duplicates(jobs, parts) // by their indices, which change below
	if len(damaged) > 0 {
		for part, s := range parts {
			switch {
			case *s == nil || len(good[part]) == (*s).Len():
			case len(good[part]) == 0:
				return d, errDamaged(damaged)
			default:
				*s = subset{*s, good[part]}
			}
		}
		for _, name := range damaged {
			d.Notes = append(d.Notes, "skipped "+name)
		}
	}
	d.Notes = append(d.Notes, twice...)
	return d, nil
}

// Kept reports whether what is prepared of a dataset's pictures is kept, so that
// [Inspect] costs no more than the first epoch would; true for a dataset of no pictures.
func (d Dataset) Kept() bool {
	for _, s := range []Samples{d.Train, d.Validation, d.Test} {
		for part, ok := s.(subset); ok; part, ok = s.(subset) {
			s = part.Samples
		}
		if p, ok := s.(pictures); ok && p.store == nil {
			return false
		}
	}
	return true
}

// inspected is a picture of a part, and what came of it.
type inspected struct {
	part, index int
	sum         [sha256.Size]byte // of its file
	err         error
}

// inspectorOf returns what unpacks a picture of samples, or nil if they are none.
func inspectorOf(s Samples) func(i int, x []float32) (sum [sha256.Size]byte, err error) {
	switch s := s.(type) {
	case pictures:
		return s.inspect
	case subset:
		if inner := inspectorOf(s.Samples); inner != nil {
			return func(i int, x []float32) ([sha256.Size]byte, error) { return inner(s.at[i], x) }
		}
	}
	return nil
}

// inspect reads the pictures of jobs, each of so many values.
func inspect(ctx context.Context, jobs []inspected, parts []*Samples, size int, progress func(done, all int)) error {
	inspectors := make([]func(int, []float32) ([sha256.Size]byte, error), len(parts))
	for part, s := range parts {
		if *s != nil {
			inspectors[part] = inspectorOf(*s)
		}
	}
	var next, done atomic.Int64
	var told sync.Mutex
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(jobs)) {
		wg.Go(func() {
			x := make([]float32, size)
			for k := next.Add(1) - 1; k < int64(len(jobs)) && ctx.Err() == nil; k = next.Add(1) - 1 {
				j := &jobs[k]
				j.sum, j.err = inspectors[j.part](j.index, x)
				if progress != nil {
					told.Lock()
					progress(int(done.Add(1)), len(jobs))
					told.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return ctx.Err()
}

// errDamaged names damaged pictures.
func errDamaged(names []string) error {
	const most = 100
	all := len(names)
	if all > most {
		names = append(names[:most:most], fmt.Sprintf("and %d more", all-most))
	}
	return fmt.Errorf("data: %w, want them mended, deleted or skipped (%d): %s", ErrDamaged, all, strings.Join(names, "; "))
}

// ErrDamaged is of pictures that cannot be read.
var ErrDamaged = errors.New("damaged pictures")

// duplicates tells of files that are in two parts or in two classes.
func duplicates(jobs []inspected, parts []*Samples) []string {
	first := map[[sha256.Size]byte]inspected{}
	var acrossParts, acrossClasses []string
	for _, j := range jobs {
		if j.err != nil {
			continue
		}
		before, seen := first[j.sum]
		if !seen {
			first[j.sum] = j
			continue
		}
		name := Name(*parts[before.part], before.index) + " and " + Name(*parts[j.part], j.index)
		a, _ := classOf(*parts[before.part], before.index, nil)
		b, _ := classOf(*parts[j.part], j.index, nil)
		switch {
		case a != b:
			acrossClasses = append(acrossClasses, name)
		case before.part != j.part:
			acrossParts = append(acrossParts, name)
		}
	}
	var notes []string
	if len(acrossParts) > 0 {
		notes = append(notes, note("the same picture in training and in testing", acrossParts))
	}
	if len(acrossClasses) > 0 {
		notes = append(notes, note("the same picture in two classes", acrossClasses))
	}
	return notes
}
