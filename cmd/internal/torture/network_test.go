package torture

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/train"
)

const python = "/usr/bin/python3" // Debian's, as python3-torch is installed for that one

// TestTortureNetwork holds random networks against PyTorch. What they mean is compared in
// double precision; single precision may then be no worse than PyTorch's own.
func TestTortureNetwork(t *testing.T) {
	if out, err := exec.Command(python, "-c", "import torch").CombinedOutput(); err != nil {
		t.Skipf("PyTorch, Debian's python3-torch, is not installed: %v\n%s", err, out)
	}
	pytorch := newJudge(t, func() *exec.Cmd { return exec.Command(python, "testdata/network.py") })
	tiers := map[string]*judge{}
	for _, off := range []string{"", "cpu.avx512f=off", "cpu.avx512f=off,cpu.avx2=off"} {
		tiers[off] = newJudge(t, func() *exec.Cmd {
			c := exec.Command(os.Args[0], "-test.run", "^TestNetworkTier$", "-test.timeout", "0")
			c.Env = append(os.Environ(), "GODEBUG="+off, tierVariable+"=1")
			return c
		})
	}
	Part{
		Name: "network", Failure: "a random network, its weights, batch, loss and optimizer",
		Guarantee: "PyTorch's numbers, to 1e-9 in double precision, in single precision as near as its own",
		Short:     10, Full: 1000,
	}.Run(t, func(t *testing.T, number int) string {
		n := newNetTrial(uint64(number))
		q, own, err := n.double()
		if err != nil {
			t.Errorf("%v\n%s", err, n)
			return "refused"
		}
		var want netAnswer
		if err := pytorch.ask(q, &want); err != nil {
			t.Errorf("PyTorch: %v\n%s", err, n)
			return "refused by PyTorch"
		}
		if os.Getenv(Trial) != "" {
			t.Logf("kink %g\n%s", want.Kink, n)
		}
		n.compareDouble(t, q, own, want)
		// Near a kink rounding alone makes another gradient.
		smooth := want.Kink > 2e-5
		for off, tier := range tiers {
			var runs []netRun
			if err := tier.ask(number, &runs); err != nil {
				t.Errorf("without %q: %v\n%s", off, err, n)
				return "ended the process"
			}
			for _, r := range runs {
				n.compareSingle(t, off, r, want, smooth)
			}
		}
		if t.Failed() {
			t.Logf("%s", n)
			return "wrong"
		}
		if !smooth {
			return "equal, without the gradients of single precision at a kink"
		}
		return "equal"
	})
}

// netTrial is a network with all that a run of it needs.
type netTrial struct {
	netMaker
	Layers                []netLayer
	sample                []int
	batch                 int
	loss                  netLoss
	rule                  netRule
	x, target, weights    []float32
	params, states        []netTensor
	paramNames, stateName []string
}

// The parts of a question to testdata/network.py.
type (
	netTensor struct {
		Shape []int  `json:"shape"`
		Data  []byte `json:"data"` // float32
	}
	netLoss struct {
		Kind    string  `json:"kind"`
		Setting float64 `json:"setting"`
		Sets    [][]int `json:"sets"`
		Sum     bool    `json:"sum"`
		loss    graph.Loss
	}
	netRule struct {
		Kind     string         `json:"kind"`
		Settings map[string]any `json:"settings"`
		rule     train.Optimizer
	}
	netQuestion struct {
		Layers    []netLayer    `json:"layers"`
		X         netTensor     `json:"x"`
		Target    netTensor     `json:"target"`
		Weights   netTensor     `json:"weights"`
		Params    []netTensor   `json:"params"`
		States    []netTensor   `json:"states"`
		Loss      netLoss       `json:"loss"`
		Optimizer netRule       `json:"optimizer"`
		Steps     [][]netTensor `json:"steps"` // the parameters before each
	}
	// netAnswer is an answer; numbers are float64.
	netAnswer struct {
		Output, Inferred, Last []byte
		Loss, Kink             float64
		States, LastStates     [][]byte
		Steps                  []netStep
		Error32                struct{ Output, Inferred, Gradients, States float64 }
	}
	// netStep is a step of training: the gradients of the input and of the parameters, and
	// what the optimizer makes of the parameters.
	netStep struct {
		Loss              float64
		Gradients, Params [][]byte
		Error32           []float64 // of PyTorch's optimizer, for each parameter
	}
	// netRun is a run in single precision; numbers are float32.
	netRun struct {
		How       string // as in "fused"
		Batch     int    // 0 of a run for training, else the batch of one for inference
		Output    []byte
		Loss      float64
		States    [][]byte
		Gradients [][]byte
	}
)

func newNetTrial(number uint64) *netTrial {
	n := &netTrial{netMaker: netMaker{rand.New(rand.NewPCG(number, 1))}}
	var outputs int
	n.Layers, n.sample, outputs = n.network()
	n.batch = 2 + n.IntN(3)
	if n.IntN(4) == 0 {
		n.batch = 5 + n.IntN(20)
	}
	n.loss = n.drawLoss(outputs)
	n.rule = n.drawRule()
	n.x = n.normal(n.batch*volume(n.sample), 1)
	if n.IntN(4) == 0 {
		for i, v := range n.x { // as pictures are
			n.x[i] = float32(math.Abs(math.Mod(float64(v), 1)))
		}
	}
	n.target = make([]float32, n.batch)
	switch n.loss.Kind {
	case "mse":
		n.target = n.normal(n.batch*outputs, 1)
	case "binary":
		n.target = make([]float32, n.batch*outputs)
		for i := range n.target {
			n.target[i] = float32(n.IntN(2))
		}
	default:
		kinds := outputs
		if n.loss.Kind == "sets" {
			kinds = len(n.loss.Sets)
		}
		for i := range n.target {
			n.target[i] = float32(n.IntN(kinds))
		}
	}
	n.weights = make([]float32, n.batch)
	vary := n.IntN(2) == 0
	for i := range n.weights {
		if n.weights[i] = 1; vary && i > 0 { // one counts at least
			n.weights[i] = float32(n.IntN(9)) / 4
		}
	}
	return n
}

func (n *netTrial) drawLoss(outputs int) netLoss {
	sum := n.IntN(3) == 0
	switch n.IntN(6) {
	case 0:
		return netLoss{Kind: "mse", loss: graph.MSE{}}
	case 1:
		return netLoss{Kind: "binary", Sum: sum, loss: graph.BinaryCrossEntropy{Sum: sum}}
	case 2:
		sets := [][]int{{}, {0}, {0, outputs - 1}, {outputs / 2}}
		return netLoss{Kind: "sets", Sets: sets, Sum: sum, loss: graph.BinaryCrossEntropy{Sets: sets, Sum: sum}}
	case 3:
		q := []float64{0.7, 1, 0.1}[n.IntN(3)]
		return netLoss{Kind: "generalized", Setting: q, Sum: sum, loss: graph.GeneralizedCrossEntropy{Exponent: q, Sum: sum}}
	case 4:
		gamma := []float64{2, 1, 3.5}[n.IntN(3)]
		return netLoss{Kind: "focal", Setting: gamma, Sum: sum, loss: graph.Focal{Gamma: gamma, Sum: sum}}
	}
	s := []float64{0, 0.1, n.Float64()}[n.IntN(3)]
	return netLoss{Kind: "cross", Setting: s, Sum: sum, loss: graph.CrossEntropy{Smoothing: s, Sum: sum}}
}

// drawRule draws an optimizer that PyTorch has, too.
func (n *netTrial) drawRule() netRule {
	lr := []float64{0.001, 0.01, 0.1}[n.IntN(3)]
	decay := []float64{0, 0.01, 0.3}[n.IntN(3)]
	momentum := []float64{0, 0.5, 0.9}[n.IntN(3)]
	beta1, beta2 := []float64{0.9, 0.5}[n.IntN(2)], []float64{0.999, 0.9}[n.IntN(2)]
	eps := []float64{1e-7, 1e-8, 1e-3}[n.IntN(3)]
	settings := map[string]any{"lr": lr, "weight_decay": decay}
	adam := train.Adam{LR: lr, Beta1: beta1, Beta2: beta2, Epsilon: eps, WeightDecay: decay}
	kind := []string{"SGD", "SGD", "Adam", "AdamW", "NAdam", "RMSprop", "Adagrad"}[n.IntN(7)]
	switch kind {
	case "SGD":
		nesterov := momentum > 0 && n.IntN(2) == 0
		settings["momentum"], settings["nesterov"] = momentum, nesterov
		return netRule{kind, settings, train.SGD{LR: lr, Momentum: momentum, Nesterov: nesterov, WeightDecay: decay}}
	case "RMSprop":
		settings["alpha"], settings["momentum"], settings["eps"] = beta2, momentum, eps
		return netRule{kind, settings, train.RMSProp{LR: lr, Alpha: beta2, Epsilon: eps, Momentum: momentum, WeightDecay: decay}}
	case "Adagrad":
		settings["eps"] = eps
		return netRule{kind, settings, train.Adagrad{LR: lr, Epsilon: eps, WeightDecay: decay}}
	}
	settings["beta1"], settings["beta2"], settings["eps"] = beta1, beta2, eps
	switch kind {
	case "NAdam":
		return netRule{kind, settings, train.NAdam(adam)}
	case "AdamW":
		if decay == 0 {
			settings["weight_decay"] = 0.01 // what 0 means
		}
		return netRule{kind, settings, train.AdamW(adam)}
	}
	return netRule{kind, settings, adam}
}

// String shows the network, for whoever has to find what is wrong with it.
func (n *netTrial) String() string {
	return fmt.Sprintf("input %v, batch %d, loss %+v, optimizer %v\n%s", n.sample, n.batch, n.loss, n.rule.rule, netText(n.Layers, "\t"))
}

func netText(layers []netLayer, indent string) string {
	var b strings.Builder
	for _, l := range layers {
		branches := l.Branches
		l.Branches = nil
		var zero netLayer
		text, _ := json.Marshal(l)
		none, _ := json.Marshal(zero)
		parts := strings.Split(strings.Trim(string(text), "{}"), `,"`)
		parts = slices.DeleteFunc(parts, func(p string) bool { return strings.Contains(string(none), `"`+strings.TrimPrefix(p, `"`)) })
		fmt.Fprintf(&b, "%s%s\n", indent, strings.Join(parts, " "))
		for i, branch := range branches {
			fmt.Fprintf(&b, "%s branch %d\n%s", indent, i, netText(branch, indent+"\t"))
		}
	}
	return b.String()
}

// model builds the network and fills its tensors with the trial's numbers.
func (n *netTrial) model(o graph.Options, mode graph.Mode, batch int) (*graph.Model, error) {
	o.Loss = n.loss.loss
	m, err := o.Build(sequential(n.Layers), mode, append([]int{batch}, n.sample...)...)
	if err != nil {
		return nil, err
	}
	for i := 0; i < batch*len(n.x)/n.batch; i += len(n.x) {
		fill(m.Input, n.x, i)
	}
	if m.Target != nil {
		fill(m.Target, n.target, 0)
		fill(m.SampleWeights, n.weights, 0)
	}
	return m, nil
}

// fill copies numbers into a tensor, of either precision, from one of its elements on.
func fill(t *tensor.Dense, v []float32, at int) {
	switch data := t.Data().(type) {
	case []float32:
		copy(data[at:], v)
	case []float64:
		for i := range min(len(v), len(data)-at) {
			data[at+i] = float64(v[i])
		}
	}
}

// prepare draws the weights, which the network's shapes are needed for.
func (n *netTrial) prepare(m *graph.Model, w *graph.Weights) {
	if n.params != nil {
		n.restore(w)
		return
	}
	for _, p := range m.Params() {
		n.paramNames = append(n.paramNames, p.Name)
	}
	n.stateName = m.State()
	draw := func(name string) netTensor {
		t := w.Get(name)
		last := name[strings.LastIndex(name, "/")+1:]
		v := n.values(last, t.Shape())
		fill(t, v, 0)
		return netTensor{t.Shape().Clone(), rawOf(v)}
	}
	n.params = []netTensor{}
	for _, name := range n.paramNames {
		n.params = append(n.params, draw(name))
	}
	n.states = []netTensor{}
	for _, name := range n.stateName {
		n.states = append(n.states, draw(name))
	}
}

func (n *netTrial) restore(w *graph.Weights) {
	for i, name := range n.paramNames {
		fill(w.Get(name), numbersOf[float32](n.params[i].Data), 0)
	}
	for i, name := range n.stateName {
		fill(w.Get(name), numbersOf[float32](n.states[i].Data), 0)
	}
}

// netSteps is how many steps an optimizer takes.
const netSteps = 10

// double runs the network in double precision, and takes the optimizer's steps. The
// optimizers know single precision alone, so the weights are numbers of that; PyTorch
// begins each step from the same ones.
func (n *netTrial) double() (q netQuestion, own netAnswer, err error) {
	w := &graph.Weights{}
	o := graph.Options{Float64: true, Weights: w, InputGradient: true}
	m, err := n.model(o, graph.Train, n.batch)
	if err != nil {
		return q, own, err
	}
	infer, err := n.model(graph.Options{Float64: true, Weights: w}, graph.Infer, n.batch)
	if err != nil {
		return q, own, err
	}
	n.prepare(m, w)
	if err := infer.Run(); err != nil {
		return q, own, err
	}
	own.Inferred = rawOf(infer.Output().Float64s())
	params := m.Params()
	now, slots := make([][]float32, len(params)), make([][][]float32, len(params))
	for i := range params {
		now[i] = numbersOf[float32](n.params[i].Data)
		for range n.rule.rule.Slots() {
			slots[i] = append(slots[i], make([]float32, len(now[i])))
		}
	}
	for step := range netSteps {
		if err := m.Run(); err != nil {
			return q, own, err
		}
		s := netStep{Loss: m.Loss(), Gradients: [][]byte{rawOf(m.InputGrad().Float64s())}}
		if step == 0 {
			own.Output, own.Loss, own.States = rawOf(m.Output().Float64s()), m.Loss(), statesOf(m, w)
		}
		var before []netTensor
		for i, p := range params {
			gradient := p.Grad().Float64s()
			s.Gradients = append(s.Gradients, rawOf(gradient))
			before = append(before, netTensor{n.params[i].Shape, rawOf(now[i])})
			single := make([]float32, len(gradient))
			for k, g := range gradient {
				single[k] = float32(g)
			}
			n.rule.rule.Update(uint64(step+1), now[i], single, slots[i])
			fill(p.Value, now[i], 0)
			s.Params = append(s.Params, rawOf(doubles(now[i])))
		}
		if !(math.Abs(m.Loss()) < 1e6) {
			break // it diverges
		}
		q.Steps, own.Steps = append(q.Steps, before), append(own.Steps, s)
		own.LastStates = statesOf(m, w)
	}
	q.Layers, q.Params, q.States, q.Loss, q.Optimizer = n.Layers, n.params, n.states, n.loss, n.rule
	q.X = netTensor{append([]int{n.batch}, n.sample...), rawOf(n.x)}
	q.Target = netTensor{m.Target.Shape(), rawOf(n.target)}
	q.Weights = netTensor{[]int{n.batch}, rawOf(n.weights)}
	return q, own, nil
}

func statesOf(m *graph.Model, w *graph.Weights) (all [][]byte) {
	for _, name := range m.State() {
		if v, ok := w.Get(name).Data().([]float32); ok {
			all = append(all, rawOf(v))
		} else {
			all = append(all, rawOf(w.Get(name).Float64s()))
		}
	}
	return all
}

func doubles(v []float32) []float64 {
	to := make([]float64, len(v))
	for i, x := range v {
		to[i] = float64(x)
	}
	return to
}

// largest is the largest size of numbers.
func largest(all ...[]float64) (size float64) {
	for _, v := range all {
		for _, x := range v {
			if a := math.Abs(x); a > size || a != a {
				size = a
			}
		}
	}
	return size
}

// within compares numbers.
func within(t *testing.T, what string, got, want []float64, bound float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d numbers, want %d", what, len(got), len(want))
		return
	}
	worst, at := 0.0, 0
	for i := range got {
		if d := math.Abs(got[i] - want[i]); !(d <= worst) {
			worst, at = d, i
		}
	}
	if !(worst <= bound) {
		t.Errorf("%s: number %d of %d is %.12g, want %.12g and a difference of at most %.2g", what, at, len(got), got[at], want[at], bound)
	}
}

// compareDouble compares in double precision.
func (n *netTrial) compareDouble(t *testing.T, q netQuestion, got, want netAnswer) {
	t.Helper()
	compare := func(what string, got, want []byte) {
		t.Helper()
		w := numbersOf[float64](want)
		within(t, what, numbersOf[float64](got), w, 1e-9*max(1, largest(w)))
	}
	compare("output", got.Output, want.Output)
	compare("inferred output", got.Inferred, want.Inferred)
	for i, name := range n.stateName {
		compare(name, got.States[i], want.States[i])
		compare(name+" after all steps", got.LastStates[i], want.LastStates[i])
	}
	for step := range want.Steps {
		got, want := got.Steps[step], want.Steps[step]
		within(t, fmt.Sprintf("loss %d", step), []float64{got.Loss}, []float64{want.Loss}, 1e-9*max(1, math.Abs(want.Loss)))
		network := 0.0 // the largest gradient
		for _, g := range want.Gradients {
			network = max(network, largest(numbersOf[float64](g)))
		}
		for i, name := range append([]string{"input"}, n.paramNames...) {
			w := numbersOf[float64](want.Gradients[i])
			// Some are 0 but for rounding, as that of a bias in front of a BatchNorm.
			within(t, fmt.Sprintf("gradient %d of %s", step, name), numbersOf[float64](got.Gradients[i]), w, 1e-9*max(network, 1e-3))
		}
		for i, name := range n.paramNames {
			after, moved := numbersOf[float64](want.Params[i]), 0.0
			for k, v := range numbersOf[float32](q.Steps[step][i].Data) {
				moved = max(moved, math.Abs(after[k]-float64(v)))
			}
			within(t, fmt.Sprintf("%s after step %d", name, step), numbersOf[float64](got.Params[i]), after,
				2e-7*largest(after)+1e-5*moved+10*want.Error32[i])
		}
		if t.Failed() {
			return
		}
	}
}

// compareSingle compares a run in single precision: it may be ten times as far off as
// PyTorch's own, and by a floor, as a sum in another order or of products of transformed
// images (Winograd) is rounded otherwise.
func (n *netTrial) compareSingle(t *testing.T, off string, r netRun, want netAnswer, smooth bool) {
	t.Helper()
	const floor = 3e-5
	how := fmt.Sprintf("without %q, %s", off, r.How)
	if r.Batch > 0 {
		w, got := numbersOf[float64](want.Inferred), doubles(numbersOf[float32](r.Output))
		size := len(w) / n.batch
		for i := range r.Batch {
			from := i % n.batch * size
			within(t, fmt.Sprintf("%s, inferred output, sample %d of %d", how, i, r.Batch), got[i*size:][:size], w[from:][:size],
				10*want.Error32.Inferred+floor*max(1, largest(w)))
		}
		return
	}
	w := numbersOf[float64](want.Output)
	within(t, how+", output", doubles(numbersOf[float32](r.Output)), w, 10*want.Error32.Output+floor*max(1, largest(w)))
	within(t, how+", loss", []float64{r.Loss}, []float64{want.Loss}, 1e-4*max(1, math.Abs(want.Loss)))
	for i, name := range n.stateName {
		w := numbersOf[float64](want.States[i])
		within(t, how+", "+name, doubles(numbersOf[float32](r.States[i])), w, 10*want.Error32.States+floor*max(1, largest(w)))
	}
	network := 0.0
	for _, g := range want.Steps[0].Gradients {
		network = max(network, largest(numbersOf[float64](g)))
	}
	for i, name := range append([]string{"input"}, n.paramNames...) {
		if smooth {
			within(t, how+", gradient of "+name, doubles(numbersOf[float32](r.Gradients[i])), numbersOf[float64](want.Steps[0].Gradients[i]),
				10*want.Error32.Gradients+1e-4*network)
		}
	}
}

// tierVariable makes a process of TestNetworkTier's one that answers questions.
const tierVariable = "TAPENET_TORTURE_TIER"

// TestNetworkTier runs trials in single precision, each a number on a line of the input. It
// does so in a process of its own, whose GODEBUG says what the processor can do.
func TestNetworkTier(t *testing.T) {
	if os.Getenv(tierVariable) == "" {
		t.Skip("it is a part of TestTortureNetwork")
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var number uint64
		if err := json.Unmarshal(lines.Bytes(), &number); err != nil {
			t.Fatal(err)
		}
		runs, err := newNetTrial(number).single()
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(runs)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println(string(text))
	}
}

// single runs the network in single precision: with ops fused and not, for training and
// for inference in batches of other sizes.
func (n *netTrial) single() (runs []netRun, err error) {
	for _, plain := range []bool{false, true} {
		w := &graph.Weights{}
		o := graph.Options{Weights: w, NoFusion: plain, InputGradient: true}
		m, err := n.model(o, graph.Train, n.batch)
		if err != nil {
			return nil, err
		}
		n.prepare(m, w)
		r := netRun{How: fmt.Sprintf("fused %v", !plain)}
		if err := m.Run(); err != nil {
			return nil, err
		}
		r.Output, r.Loss, r.States = rawOf(m.Output().Float32s()), m.Loss(), statesOf(m, w)
		r.Gradients = append(r.Gradients, rawOf(m.InputGrad().Float32s()))
		for _, p := range m.Params() {
			r.Gradients = append(r.Gradients, rawOf(p.Grad().Float32s()))
		}
		runs = append(runs, r)
		n.restore(w)
		for i, batch := range []int{1, n.batch, 3*n.batch + 1} {
			o := graph.Options{Weights: &graph.Weights{From: w.Map()}, NoFusion: plain, Fixed: i == 2}
			m, err := n.model(o, graph.Infer, batch)
			if err != nil {
				return nil, err
			}
			if err := m.Run(); err != nil {
				return nil, err
			}
			runs = append(runs, netRun{How: r.How, Batch: batch, Output: rawOf(m.Output().Float32s())})
		}
	}
	return runs, nil
}
