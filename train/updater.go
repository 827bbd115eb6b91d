package train

import (
	"fmt"
	"math"

	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/update"
)

// updater applies an optimizer to all parameters of a network. All tensors that
// it keeps are by parameter.
type updater struct {
	Config
	slots map[string][]*tensor.Dense
	flat  map[string][][]float32   // the slots' elements
	sums  map[string]*tensor.Dense // mean gradient since the last update; empty unless Accumulate > 1
	means map[string]*tensor.Dense // moving average of the weights; empty unless Average > 0

	params []graph.Param
	grads  [][]float32 // of the current update, in the order of the parameters
}

func newUpdater(c Config, params []graph.Param) (*updater, error) {
	u := &updater{
		Config: c, slots: map[string][]*tensor.Dense{}, flat: map[string][][]float32{},
		sums: map[string]*tensor.Dense{}, means: map[string]*tensor.Dense{}, params: params, grads: make([][]float32, len(params)),
	}
	for _, p := range params {
		if p.Value.Dims() == 0 { // its gradient is no tensor
			return nil, fmt.Errorf("train: parameter %s is a scalar, want a tensor, if only of shape (1)", p.Name)
		}
		for range c.Optimizer.Slots() {
			t := like(p.Value)
			u.slots[p.Name] = append(u.slots[p.Name], t)
			u.flat[p.Name] = append(u.flat[p.Name], t.Float32s())
		}
		if c.Accumulate > 1 {
			u.sums[p.Name] = like(p.Value)
		}
		if c.Average > 0 {
			u.means[p.Name] = like(p.Value)
			copy(u.means[p.Name].Float32s(), p.Value.Float32s())
		}
	}
	return u, nil
}

// like returns zeros of a tensor's shape.
func like(t *tensor.Dense) *tensor.Dense {
	return tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(t.Shape()...))
}

// collect takes up the gradients of a batch, by parameter, as a share of the mean
// gradient since the last update.
func (u *updater) collect(grads [][]float32, share float64) {
	for i, p := range u.params {
		u.grads[i] = grads[i]
		if sum := u.sums[p.Name]; sum != nil {
			update.Average(sum.Float32s(), u.grads[i], float32(share))
			u.grads[i] = sum.Float32s()
		}
	}
}

// step changes all parameters by a rule, the optimizer with the rate of the
// moment, given the collected gradients. step counts the updates from 1.
func (u *updater) step(rule Optimizer, step uint64) {
	clipValue(u.grads, u.ClipValue)
	clipNorm(u.grads, u.ClipNorm)
	for i, p := range u.params {
		w := p.Value.Float32s()
		u.scaled(rule, p.Name).Update(step, w, u.grads[i], u.flat[p.Name])
		if mean := u.means[p.Name]; mean != nil {
			update.Average(mean.Float32s(), w, float32(1-averageDecay(u.Average, step)))
		}
		if u.sums[p.Name] != nil {
			clear(u.grads[i])
		}
	}
}

// scaled is the rule for one parameter.
func (u *updater) scaled(rule Optimizer, parameter string) Optimizer {
	factor, ok := u.Rates[parameter]
	if !ok {
		return rule
	}
	rated := rule.(Rated)
	return rated.WithRate(max(rated.Rate()*factor, 1e-30)) // 0 would mean the default
}

// averageDecay is less at first, so that the initial weights are soon forgotten,
// as in TensorFlow's ExponentialMovingAverage with num_updates.
func averageDecay(decay float64, step uint64) float64 {
	return min(decay, (1+float64(step))/(10+float64(step)))
}

// swap exchanges the weights and their moving averages, if there are any.
func (u *updater) swap(w *graph.Weights) {
	for name, t := range u.means {
		mean, live := t.Float32s(), w.Get(name).Float32s()
		for i := range mean {
			mean[i], live[i] = live[i], mean[i]
		}
	}
}

// clipValue limits every gradient to between -limit and limit; 0 is no limit.
func clipValue(grads [][]float32, limit float64) {
	if limit == 0 {
		return
	}
	l := float32(limit)
	for _, g := range grads {
		for i, v := range g {
			g[i] = min(max(v, -l), l)
		}
	}
}

// clipNorm scales all gradients to a common Euclidean norm of at most limit, as
// PyTorch's clip_grad_norm_ does; 0 is no limit.
func clipNorm(grads [][]float32, limit float64) {
	if limit == 0 {
		return
	}
	var squares float64
	for _, g := range grads {
		for _, v := range g {
			squares += float64(v) * float64(v)
		}
	}
	scale := float32(limit / (math.Sqrt(squares) + 1e-6))
	if !(scale < 1) {
		return
	}
	for _, g := range grads {
		for i := range g {
			g[i] *= scale
		}
	}
}

// tensors are all that the updater keeps, by their names in the checkpoint, as
// in "optimizer/m/conv2d/weight".
func (u *updater) tensors() map[string]*tensor.Dense {
	all := map[string]*tensor.Dense{}
	for param, slots := range u.slots {
		for i, slot := range u.Optimizer.Slots() {
			all["optimizer/"+slot+"/"+param] = slots[i]
		}
	}
	for param, t := range u.sums {
		all["gradient/"+param] = t
	}
	for param, t := range u.means {
		all["average/"+param] = t
	}
	return all
}

// load copies a checkpoint's tensors into the updater's.
func (u *updater) load(from map[string]*tensor.Dense) error {
	own := u.tensors()
	for name, t := range own {
		saved := from[name]
		if saved == nil || !saved.Shape().Eq(t.Shape()) || saved.Dtype() != tensor.Float32 {
			return fmt.Errorf("%s is missing or not %v", name, t.Shape())
		}
	}
	for name := range own {
		copy(own[name].Float32s(), from[name].Float32s())
	}
	return nil
}
