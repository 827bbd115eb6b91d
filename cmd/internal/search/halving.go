package search

import "fmt"

// rung is a step of a search: the best trials so far are trained up to an epoch.
type rung struct {
	trials int
	epochs int // 0 for all that a trial has
}

func (r rung) String() string {
	switch r.epochs {
	case 0:
		return fmt.Sprintf("%d with all epochs", r.trials)
	case 1:
		return fmt.Sprintf("%d with 1 epoch", r.trials)
	}
	return fmt.Sprintf("%d with %d epochs", r.trials, r.epochs)
}

// rungs are those of successive halving (Jamieson and Talwalkar 2016), with the terms of
// Hyperband (Li et al. 2018): of n trials one in eta goes on to eta times as many epochs,
// until one is left, which is trained for all of them. Where the epochs do not go into so
// many rungs, the last ones are left out, and several trials are trained for all. eta 0 is
// random search, one rung.
func rungs(n, eta, epochs int) []rung {
	if eta == 0 {
		return []rung{{n, 0}}
	}
	all := []rung{{trials: n}}
	for n > 1 {
		n = max(1, n/eta)
		all = append(all, rung{trials: n})
	}
	budgets := []int{epochs} // the largest first, all different
	for e := epochs; e > 1 && len(budgets) < len(all); {
		e = (e + eta - 1) / eta
		budgets = append(budgets, e)
	}
	all = all[:len(budgets)]
	for i := range all {
		all[i].epochs = budgets[len(all)-1-i]
	}
	return all
}

// cost is the number of epochs that rungs train, as survivors go on where they were.
func cost(all []rung) (epochs int) {
	before := 0
	for _, r := range all {
		epochs += r.trials * (r.epochs - before)
		before = r.epochs
	}
	return epochs
}
