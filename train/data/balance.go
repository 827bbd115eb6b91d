package data

import (
	"fmt"
	"math/rand/v2"
)

// Balance returns d with a training part that has every class equally often: as many
// samples as before, the same share of each class. Samples of a small class come several
// times in an epoch, those of a large one in turns, in an order that the seed and the
// epoch choose. Augment it afterwards, and a sample that comes again is another image.
func Balance(d Dataset, seed uint64) (Dataset, error) {
	if d.Sets != nil {
		return d, errSeveral(d)
	}
	byClass, err := samplesByClass(d)
	if err != nil {
		return d, err
	}
	for class, list := range byClass {
		if len(list) == 0 {
			return d, fmt.Errorf("data: class %q of dataset %q has no training samples, want some to balance", d.Classes[class], d.Name)
		}
	}
	d.Train = balance(d.Train, byClass, seed, 0)
	d.Changes += fmt.Sprintf("classes balanced by seed %d; ", seed)
	return d, nil
}

func errSeveral(d Dataset) error {
	return fmt.Errorf("data: the images of dataset %q have several classes each, want one each to balance them", d.Name)
}

// ClassWeights are weights of the classes by which all count the same in sum: a sample's
// weight is 1 on average.
func ClassWeights(d Dataset) ([]float64, error) {
	if d.Sets != nil {
		return nil, errSeveral(d)
	}
	byClass, err := samplesByClass(d)
	if err != nil {
		return nil, err
	}
	weights := make([]float64, len(byClass))
	for class, list := range byClass {
		if len(list) > 0 {
			weights[class] = float64(d.Train.Len()) / float64(len(byClass)*len(list))
		}
	}
	return weights, nil
}

// samplesByClass are the indices of each class's training samples.
func samplesByClass(d Dataset) ([][]int, error) {
	labels, err := Labels(d.Train, d.Shape)
	if err != nil {
		return nil, err
	}
	byClass := make([][]int, d.Kinds())
	for i, l := range labels {
		if l < 0 || l >= len(byClass) {
			return nil, fmt.Errorf("data: sample %d of dataset %q has class %d, want 0 to %d", i, d.Name, l, len(byClass)-1)
		}
		byClass[l] = append(byClass[l], i)
	}
	return byClass, nil
}

// balanced is samples of which each class has the same share, as in one epoch: the
// classes take turns, and each goes through its samples, round after round, each round in
// an order of its own. An epoch begins where the last one ended.
type balanced struct {
	subset
	all     Samples
	byClass [][]int
	seed    uint64
}

// Epoch implements [Epochs].
func (b balanced) Epoch(n int) Samples { return balance(b.all, b.byClass, b.seed, n) }

func balance(all Samples, byClass [][]int, seed uint64, epoch int) balanced {
	classes, at := len(byClass), make([]int, all.Len())
	for class, list := range byClass {
		turns := (len(at) - class + classes - 1) / classes // of the class in an epoch
		round, order := -1, []int(nil)
		for i := class; i < len(at); i += classes {
			turn := epoch*turns + i/classes
			if turn/len(list) != round {
				round = turn / len(list)
				order = rand.New(rand.NewPCG(seed, mix(uint64(class))+uint64(round))).Perm(len(list))
			}
			at[i] = list[order[turn%len(list)]]
		}
	}
	return balanced{subset{Epoch(all, epoch), at}, all, byClass, seed}
}
