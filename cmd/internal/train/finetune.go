package train

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gorgonia.org/tensor"

	"tapenet/cmd/internal/cli"
	"tapenet/cmd/internal/screen"
	"tapenet/cmd/internal/testset"
	"tapenet/graph"
	"tapenet/graph/onnx"
	"tapenet/modelzoo/open"
	"tapenet/train"
	"tapenet/train/data"
)

// fineTuned is the recipe for a new head on a network that is trained already.
const fineTuned = "fine-tuned"

// fineTunes reports whether -from is for a new head: the dataset has other classes than
// the model, or a flag says so. What cannot be opened is an error later.
func (o *options) fineTunes(set data.Dataset) bool {
	if o.cut != "" || o.unfreeze != "" {
		return true
	}
	m, err := open.Open(o.from)
	if err != nil {
		return false
	}
	return !m.Classifies || !sameClasses(m.Classes, set.Classes)
}

// sameClasses reports whether two lists have the same names; numbers are no names.
func sameClasses(a, b []string) bool {
	return slices.Equal(a, b) || len(a) == len(b) && (testset.Numbered(a) || testset.Numbered(b))
}

// cutOff is a network up to its features, as a file that needs no other.
type cutOff struct {
	layer    graph.Layer
	tensors  map[string]*tensor.Dense
	features int
	at       string // where it was cut, in words
}

// cutOff cuts the features off the model, where -cut says or before its last product.
func (o options) cutOff() (m open.Model, c cutOff, err error) {
	m, own, err := o.openToCut()
	if err != nil {
		return m, c, err
	}
	if m.Sample == nil || len(m.Sample) != 3 || m.Input[0] != 1 && m.Input[0] != 3 {
		return m, c, fmt.Errorf("train: -from: %s takes samples of %s, want a network that takes images", m.Path, open.Shape(m.Sample))
	}
	layer, err := m.Network()
	if err != nil {
		return m, c, fmt.Errorf("train: -from: %w", err)
	}
	body := graph.Backbone{Body: layer, Cut: o.cut, Whole: own}
	net, err := graph.NewNetwork(layer, m.Sample, graph.Options{})
	if err != nil {
		return m, c, fmt.Errorf("train: -from: %s: %w", m.Path, err)
	}
	c.at = "at " + o.cut
	if o.cut == "" {
		one, err := net.Model(graph.Infer, 1)
		if err != nil {
			return m, c, err
		}
		last, err := one.Head()
		if err != nil {
			return m, c, fmt.Errorf("train: -from: %s: %w; -cut says where to cut", m.Path, err)
		}
		c.at = "before " + last
	}
	if c.layer, c.tensors, _, err = standAlone(body, m.Tensors, m.Sample); err != nil {
		return m, c, fmt.Errorf("train: -from: %s: %w", m.Path, err)
	}
	cut, err := graph.NewNetwork(c.layer, m.Sample, graph.Options{})
	if err != nil {
		return m, c, err
	}
	one, err := cut.Model(graph.Infer, 1)
	if err != nil {
		return m, c, err
	}
	c.features = one.OutputShape()[1]
	return m, c, nil
}

// openToCut opens the model. own says that its output is what -cut names, a value of an
// ONNX file.
func (o options) openToCut() (m open.Model, own bool, err error) {
	if o.cut != "" {
		if m, err = (open.Options{Output: o.cut}).Open(o.from); err == nil {
			return m, true, nil
		}
	}
	if m, err = open.Open(o.from); err != nil {
		return m, false, fmt.Errorf("train: -from: %w", err)
	}
	return m, false, nil
}

// standAlone is a network as an ONNX file, and what that file gives when it is read.
func standAlone(l graph.Layer, tensors map[string]*tensor.Dense, sample []int) (graph.Layer, map[string]*tensor.Dense, []byte, error) {
	file, err := onnx.Options{Logits: true}.Export(l, tensors, sample...)
	if err != nil {
		return nil, nil, nil, err
	}
	layer, err := onnx.Load(file)
	if err != nil {
		return nil, nil, nil, err
	}
	net, err := graph.NewNetwork(layer, sample, graph.Options{})
	if err != nil {
		return nil, nil, nil, err
	}
	return layer, net.Weights.Map(), file, nil
}

// newHead is the layer for some classes behind features: these normalised, and a Dense.
// Its parameters have paths that a backbone's have not. epsilon is added to the variance
// of each feature.
func newHead(classes int, backbone map[string]*tensor.Dense, epsilon float64) graph.Layer {
	name := "head"
	for n := 1; taken(name+"/", backbone); n++ {
		name = "head" + strconv.Itoa(n)
	}
	return graph.Sequential{graph.Flatten{}, graph.Named{Name: name, Body: graph.Sequential{
		graph.BatchNorm{Epsilon: epsilon}, graph.Dropout{Rate: 0.2}, graph.Dense{Units: classes},
	}}}
}

func taken(prefix string, tensors map[string]*tensor.Dense) bool {
	for name := range tensors {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// fineTune makes r the training of a new head, and with -unfreeze of what is in front of
// it too.
func (r *prepared) fineTune(ctx context.Context, show *display, from origin) error {
	o := show.options
	variance, err := from.cut.variance(ctx, r.held)
	if err != nil {
		return err
	}
	head := newHead(len(r.set.Classes), from.cut.tensors, max(0.01*variance, 1e-30))
	whole := graph.Sequential{from.cut.layer, head}
	values, err := firstValues(whole, from, o.seed)
	if err != nil {
		return err
	}
	if r.file, err = (onnx.Options{Logits: true}).Export(whole, values, from.from.Sample...); err != nil {
		return fmt.Errorf("train: -from: %s: %w", from.from.Path, err)
	}
	show.printf("a new head for %d classes on %d features of %s, cut %s\n", len(r.set.Classes), from.cut.features, from.from.Path, from.cut.at)
	backbone := &train.Backbone{Layer: from.cut.layer, Weights: from.cut.tensors, Cache: filepath.Join(filepath.Dir(o.out), ".features"), Progress: show.features()}
	r.layer, r.config.From = head, nil
	if o.unfreeze == "" && o.augment == "none" {
		r.config.Backbone = backbone
		return nil
	}
	frozen := graph.Frozen{Body: from.cut.layer}
	r.layer, r.config.From = graph.Sequential{frozen, head}, values
	if o.unfreeze == "" {
		return nil
	}
	if !o.resume {
		trained, err := r.trainHead(ctx, show, head, backbone)
		if err != nil {
			return err
		}
		r.config.From = trained
	}
	names, err := unfrozen(from.cut, o.unfreeze, from.from.Sample)
	if err != nil {
		return err
	}
	frozen.But = func(parameter string) bool { return slices.Contains(names, parameter) }
	r.layer = graph.Sequential{frozen, head}
	r.config.Epochs, r.config.Rates = o.unfreezeEpochs, map[string]float64{}
	for i, name := range names { // a hundredfold apart, the first layers least (Howard and Ruder 2018)
		r.config.Rates[name] = math.Pow(0.01, 1-float64(i+1)/float64(len(names)+1))
	}
	rate := o.unfreezeLR
	if rate == 0 {
		rate = r.config.Optimizer.(train.Rated).Rate() / 10
	}
	r.config.Optimizer = r.config.Optimizer.(train.Rated).WithRate(rate)
	show.epochs = o.unfreezeEpochs
	show.printf("goes on with %d parameters in front of the head, at rates up to %.4g\n", len(names), rate)
	return nil
}

// firstValues are the weights of the whole network: the features' are the model's.
func firstValues(whole graph.Layer, from origin, seed uint64) (map[string]*tensor.Dense, error) {
	net, err := graph.NewNetwork(whole, from.from.Sample, graph.Options{Seed: seed})
	if err != nil {
		return nil, fmt.Errorf("train: -from: %s: %w", from.from.Path, err)
	}
	values := net.Weights.Map()
	for name, t := range from.cut.tensors {
		values[name] = t
	}
	return values, nil
}

// trainHead trains the head alone, and returns the weights of the whole network.
func (r *prepared) trainHead(ctx context.Context, show *display, head graph.Layer, backbone *train.Backbone) (map[string]*tensor.Dense, error) {
	c := r.config
	c.Backbone, c.From, c.Dir, c.Callbacks, c.OnEarlier, c.Resume, c.KeepCheckpoints, c.Until = backbone, nil, "", nil, nil, false, 0, 0
	res, err := train.Fit(ctx, head, r.held, c)
	if err != nil {
		return nil, err
	}
	last := res.History[len(res.History)-1]
	show.printf("head alone: %d epochs  loss %.4f  accuracy %.4f  %s loss %.4f  %[4]s accuracy %.4[6]f\n", last.Epoch, last.Loss, last.Accuracy, show.held(), last.ValLoss, last.ValAccuracy)
	return res.Network.Weights.Map(), nil
}

// variance is the mean variance of the features, by some training images. What is added to
// the variance of each is a part of it: features may be of any scale, and one that never
// changes in training may do so later.
func (c cutOff) variance(ctx context.Context, d data.Dataset) (float64, error) {
	const some = 64
	n := min(some, d.Train.Len())
	net, err := graph.NewNetwork(c.layer, d.Shape[:], graph.Options{})
	if err != nil {
		return 0, err
	}
	m, err := net.Model(graph.Infer, 1)
	if err != nil {
		return 0, err
	}
	sums, squares := make([]float64, c.features), make([]float64, c.features)
	err = data.Ahead(ctx, d.Train, m.Input.Size(), data.InOrder(n), 1, func(b data.Batch) error {
		copy(m.Input.Float32s(), b.X)
		if err := m.Run(); err != nil {
			return err
		}
		for i, v := range m.Output().Float32s() {
			sums[i], squares[i] = sums[i]+float64(v), squares[i]+float64(v)*float64(v)
		}
		return nil
	})
	all := 0.0
	for i, s := range sums {
		mean := s / float64(n)
		all += max(0, squares[i]/float64(n)-mean*mean)
	}
	return all / float64(c.features), err
}

// unfrozen are the paths of the parameters that -unfreeze names, the first ones first: all
// of them, or those from the last so many convolutions and Dense layers on.
func unfrozen(c cutOff, what string, sample []int) ([]string, error) {
	net, err := graph.NewNetwork(c.layer, sample, graph.Options{})
	if err != nil {
		return nil, err
	}
	m, err := net.Model(graph.Infer, 1)
	if err != nil {
		return nil, err
	}
	params := m.Params()
	var names []string
	for _, p := range params {
		names = append(names, p.Name)
	}
	if what == "all" {
		return names, nil
	}
	left, err := strconv.Atoi(what)
	if err != nil || left < 1 {
		return nil, cli.Usagef("train: -unfreeze %.64s, want all or a number of layers", what)
	}
	for i, p := range slices.Backward(params) {
		if p.Value.Dims() >= 2 {
			left--
		}
		if left == 0 {
			return names[i:], nil
		}
	}
	return nil, cli.Usagef("train: -unfreeze %s, the model has fewer convolutions and Dense layers; all unfreezes them", what)
}

// features returns what shows how many images have their features.
func (d *display) features() func(done, all int) {
	shown := screen.NewProgress(d.told(), true)
	return func(done, all int) {
		if shown.Show(done, all, screen.Named("features")); done == all {
			shown.Clear()
		}
	}
}
