package attack

import (
	"context"
	"errors"
	"fmt"
)

// Clean is what Result.By says of a picture that the network is wrong about as it is.
const Clean = "clean"

// run checks what an attack is given and runs it: on the pictures that the network gets
// right, unless the job has all steps.
func run(ctx context.Context, v *Victim, j job, norm Norm, epsilon float64, images [][]float32, classes []int) (*Outcome, error) {
	if v == nil {
		return nil, errors.New("attack: the victim is nil, want one from New")
	}
	if err := checkBall(norm, epsilon); err != nil {
		return nil, err
	}
	if classes == nil {
		classes = []int{}
	}
	if err := v.check(images, classes); err != nil {
		return nil, err
	}
	if search := j.search; !j.whole {
		j.search = func(t *trial) {
			if t.fools(t.clean) {
				t.result.By = Clean
				return
			}
			search(t)
		}
	}
	results, err := v.attack(ctx, j, images, classes)
	if err != nil {
		return nil, err
	}
	return &Outcome{Images: results}, nil
}

func badStep(size float64) error {
	return fmt.Errorf("attack: step size %g, want above 0, or 0 for the default", size)
}

func badLosses(losses, images int) error {
	return fmt.Errorf("attack: %d losses for %d pictures, want one for each, or none", losses, images)
}
