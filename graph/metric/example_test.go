package metric_test

import (
	"fmt"

	"tapenet/graph/metric"
)

func ExampleConfusion() {
	c := metric.NewConfusion(2)
	for _, p := range []struct{ class, predicted int }{{0, 0}, {0, 0}, {0, 1}, {1, 1}} {
		c.Add(p.class, p.predicted)
	}
	fmt.Println("accuracy ", c.Accuracy())
	fmt.Println("precision", c.Precision(1))
	fmt.Printf("recall    %.3f\n", c.Recall(0))
	// Output:
	// accuracy  0.75
	// precision 0.5
	// recall    0.667
}

// A classifier that says 90 % and is right half the time is off by 0.4.
func ExampleReliability() {
	probabilities := [][]float32{{0.9, 0.1}, {0.9, 0.1}}
	d, err := metric.Reliability(probabilities, []int{0, 1}, 15)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("ECE %.2f\n", d.ECE())
	// Output: ECE 0.40
}

func ExampleAUROC() {
	digits, shoes := []float64{0.9, 0.8, 0.7}, []float64{0.7, 0.2}
	fmt.Printf("%.3f\n", metric.AUROC(digits, shoes))
	// Output: 0.917
}

// Of the samples of class 1 one has a lower probability than a sample of class 0.
func ExampleOneVsRest() {
	probabilities := [][]float32{{0.9, 0.1}, {0.5, 0.5}, {0.6, 0.4}, {0.2, 0.8}}
	rankings, err := metric.OneVsRest(probabilities, []int{0, 0, 1, 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("AUC %.2f, average precision %.3f\n", rankings[1].AUC, rankings[1].AP)
	// Output: AUC 0.75, average precision 0.833
}
