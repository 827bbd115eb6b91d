package attack

import (
	"fmt"
	"math/rand/v2"
	"runtime"

	"tapenet/graph"
)

// trial is one picture under attack. Its search runs on a goroutine of its own and asks
// the victim questions: each waits until the victim has run a batch with its picture.
// When the attack is stopped no answer comes: the question ends the goroutine.
type trial struct {
	image int // its index in the list
	class int // the right one
	clean []float32
	seed  uint64

	// A question: x is the search's memory, and must not change before the answer.
	kind kind
	x    []float32
	loss Loss

	// The answer, good until the next question.
	logits    []float64
	predicted int       // class, by the graph that predicts
	value     float64   // of the loss
	gradient  []float32 // of the loss, for each pixel
	zero      bool      // the gradient is zero in every pixel

	result Result
	driver *driver
	answer chan bool // whether there is one
}

// ask asks the victim, and waits.
func (t *trial) ask(k kind, x []float32) {
	t.kind, t.x = k, x
	t.driver.events <- event{trial: t}
	if !<-t.answer {
		runtime.Goexit() // runs the deferred calls: the driver learns of it
	}
	t.result.Queries++
}

// differentiate returns the loss of a picture, and sets gradient, logits and value. The
// logits are of the graph with gradients, whose last bits are not those of a prediction.
func (t *trial) differentiate(x []float32, l Loss) float64 {
	t.loss = l
	t.ask(gradient, x)
	t.result.Gradients++
	if t.zero = isZero(t.gradient); t.zero {
		t.result.ZeroGradients++
	}
	return t.value
}

// predict sets logits and predicted by the graph that predicts.
func (t *trial) predict(x []float32) { t.ask(prediction, x) }

// fools reports whether a prediction of a picture is of another class. Then it is the
// trial's result.
func (t *trial) fools(x []float32) bool {
	t.predict(x)
	return t.found(x)
}

// found is fools for the picture that was predicted last.
func (t *trial) found(x []float32) bool {
	t.result.Class = t.predicted
	t.result.Success = t.predicted != t.class
	if t.result.Success {
		t.keep(x)
	}
	return t.result.Success
}

// crossed reports whether the picture that was differentiated last fools the network: if
// the logits say so, a prediction decides.
func (t *trial) crossed(x []float32) bool {
	return argMax(t.logits) != t.class && t.fools(x)
}

// keep makes a copy of a picture the result.
func (t *trial) keep(x []float32) {
	t.result.Adversarial = append(t.result.Adversarial[:0:0], x...)
}

// random is the stream of random numbers of a restart.
func (t *trial) random(restart int) *rand.Rand { return random(t.seed, t.image, restart) }

// random is a stream of random numbers for a seed, a picture and a restart.
func random(seed uint64, image, restart int) *rand.Rand {
	return rand.New(rand.NewPCG(seed, uint64(image)<<16^uint64(restart)))
}

// take sets what a prediction answers.
func (t *trial) take(logits, probabilities []float32) {
	for k, v := range logits {
		t.logits[k] = float64(v)
	}
	t.predicted = graph.ArgMax(probabilities)
}

// finite refuses logits and gradients that are not finite.
func (t *trial) finite() error {
	for k, v := range t.logits {
		if v-v != 0 {
			return fmt.Errorf("attack: logit %d of picture %d is %v, want a network with finite outputs", k, t.image, v)
		}
	}
	if t.kind == gradient {
		var sum float32
		for _, g := range t.gradient {
			sum += g - g
		}
		if sum != 0 {
			return fmt.Errorf("attack: the gradient for picture %d is not finite, want a network with finite gradients", t.image)
		}
	}
	return nil
}

func isZero(x []float32) bool {
	for _, v := range x {
		if v != 0 {
			return false
		}
	}
	return true
}
