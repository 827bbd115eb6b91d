package tfjs

import (
	"os"
	"path/filepath"
	"testing"

	"tapenet/graph"
)

// TestReported: models that were refused once. TensorFlow.js 4.22 says what they
// predict, to six digits. It refuses the ones of Keras 3 itself, whose twins of
// Keras 2 it reads, and drops ReLU's negative_slope: the golden of 39_relu_neg is
// NumPy's of the formula in Keras's documentation.
func TestReported(t *testing.T) {
	models, err := os.ReadDir("testdata/reported")
	if err != nil || len(models) < 10 {
		t.Fatalf("%d models, %v", len(models), err)
	}
	for _, model := range models {
		t.Run(model.Name(), func(t *testing.T) {
			m, g := loadGolden(t, filepath.Join("testdata/reported", model.Name()))
			compare(t, "predictions", predict(t, m, &graph.Weights{}, m.Input, m.SoftMax, g.samples()), g.Y)
		})
	}
}
