package data

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Split divides the training part of d: its Test is a share of it, chosen by
// the seed, for comparing settings without a look at the test part, and its
// Train is the rest. Stratified, the share is one of each class, to the nearest
// sample and at least one of two; otherwise it is one of all. Neither part is empty.
func Split(d Dataset, share float64, seed uint64, stratified bool) (Dataset, error) {
	if !(share > 0 && share < 1) {
		return Dataset{}, fmt.Errorf("data: a share of %v of dataset %q held out, want a number between 0 and 1", share, d.Name)
	}
	groups, err := groups(d, seed, stratified)
	if err != nil {
		return Dataset{}, err
	}
	var train, test []int
	for _, g := range groups {
		n := int(math.Round(share * float64(len(g))))
		if stratified && len(g) > 1 {
			n = min(max(n, 1), len(g)-1)
		}
		test, train = append(test, g[:n]...), append(train, g[n:]...)
	}
	return d.divided(train, test)
}

// Folds divides the training part of d into k parts, chosen by the seed, and
// returns k datasets: the Test of each is one of the parts, and its Train the
// others. Stratified, each class is divided evenly; otherwise all samples are.
func Folds(d Dataset, k int, seed uint64, stratified bool) ([]Dataset, error) {
	if n := d.Train.Len(); k < 2 || k > n {
		return nil, fmt.Errorf("data: %d folds of the %d samples of dataset %q, want 2 to one a sample", k, n, d.Name)
	}
	groups, err := groups(d, seed, stratified)
	if err != nil {
		return nil, err
	}
	parts := make([][]int, k)
	next := 0
	for _, i := range slices.Concat(groups...) { // class after class, dealt out in turn
		parts[next%k] = append(parts[next%k], i)
		next++
	}
	folds := make([]Dataset, k)
	for f := range folds {
		var train []int
		for p := range parts {
			if p != f {
				train = append(train, parts[p]...)
			}
		}
		if folds[f], err = d.divided(train, parts[f]); err != nil {
			return nil, err
		}
	}
	return folds, nil
}

// groups returns the indices of the training samples, shuffled, by class or in
// one group.
func groups(d Dataset, seed uint64, byClass bool) ([][]int, error) {
	r := rand.New(rand.NewPCG(seed, 0))
	if !byClass || d.Sets != nil { // most sets are rare
		return [][]int{r.Perm(d.Train.Len())}, nil
	}
	groups, err := samplesByClass(d)
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		r.Shuffle(len(g), func(i, j int) { g[i], g[j] = g[j], g[i] })
	}
	return groups, nil
}

// divided is d with two lists of its training samples as its parts, each in the
// order that they are stored.
func (d Dataset) divided(train, test []int) (Dataset, error) {
	if len(train) == 0 || len(test) == 0 {
		return Dataset{}, fmt.Errorf("data: dataset %q divided into %d and %d samples, want at least one each", d.Name, len(train), len(test))
	}
	slices.Sort(train)
	slices.Sort(test)
	d.Train, d.Test, d.HeldOut = subset{d.Train, train}, subset{d.Train, test}, true
	return d, nil
}
