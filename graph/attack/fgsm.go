package attack

import "context"

// FGSM is the fast gradient sign method (Goodfellow et al. 2015, "Explaining and
// Harnessing Adversarial Examples"): one step of length Epsilon from the clean picture,
//
//	x' = clip(x + ε·sign(∇ loss(x)))
//
// in L2 along the gradient itself.
type FGSM struct {
	Norm    Norm
	Epsilon float64
	Loss    Loss // the zero value is CrossEntropy
}

// Name is fgsm.
func (FGSM) Name() string { return "fgsm" }

func (a FGSM) defaults() FGSM {
	if a.Loss.F == nil {
		a.Loss = CrossEntropy
	}
	return a
}

// Settings are those of [FGSM].
func (a FGSM) Settings() []Setting {
	a = a.defaults()
	return []Setting{{"norm", a.Norm.String()}, {"epsilon", a.Epsilon}, {"loss", a.Loss.Name}}
}

// Run attacks all pictures.
func (a FGSM) Run(ctx context.Context, v *Victim, images [][]float32, classes []int) (*Outcome, error) {
	return run(ctx, v, a, images, classes)
}

func (a FGSM) job() (job, error) {
	if err := checkBall(a.Norm, a.Epsilon); err != nil {
		return job{}, err
	}
	p := PGD{Norm: a.Norm, Epsilon: a.Epsilon, Loss: a.Loss, Steps: 1, StepSize: a.Epsilon, FromClean: true}
	j, err := p.job()
	j.name = a.Name()
	return j, err
}
