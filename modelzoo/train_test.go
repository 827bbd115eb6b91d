package modelzoo_test

import (
	"context"
	"testing"

	"tapenet/train"
	"tapenet/train/data"
)

// TestEveryNetworkLearns trains each network on a few of MNIST's digits.
func TestEveryNetworkLearns(t *testing.T) {
	digits, err := data.MNIST()
	if err != nil {
		t.Fatal(err)
	}
	digits.Train, digits.Test = data.Limit(digits.Train, 8), data.Limit(digits.Test, 2)
	for _, s := range specs() {
		t.Run(s.Name, func(t *testing.T) {
			res, err := train.Fit(context.Background(), s.New(10), digits, train.Config{Epochs: 3, Batch: 8, Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			for i, e := range res.History[1:] {
				if !(e.Loss < res.History[i].Loss) {
					t.Errorf("loss %.4f after %.4f, want it to fall", e.Loss, res.History[i].Loss)
				}
			}
		})
	}
}
