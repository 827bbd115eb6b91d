package data

import "math/rand/v2"

// Epochs is samples that are others in each epoch.
type Epochs interface {
	Samples
	Epoch(n int) Samples // as in epoch n, counted from 0; the Epochs itself is as in epoch 0
}

// Epoch returns s as it is in epoch n, counted from 0: see [Epochs]. Samples
// that are always the same come back as they are.
func Epoch(s Samples, n int) Samples {
	if e, ok := s.(Epochs); ok {
		return e.Epoch(n)
	}
	return s
}

// Order returns the order of the samples of s in an epoch, counted from 0:
// another one for each epoch, fixed by the seed.
//
// Every order of samples in memory is equally likely. Samples on the disk are
// taken in stretches of 64 in a random order, so that most reads find what the
// system has read ahead, and mixed in a buffer of 8192.
func Order(s Samples, seed uint64, epoch int) []int {
	r := rand.New(rand.NewPCG(seed, uint64(epoch)))
	if onDisk(s) {
		return nearby(s.Len(), r)
	}
	return r.Perm(s.Len())
}

func onDisk(s Samples) bool {
	d, ok := s.(interface{ onDisk() bool })
	return ok && d.onDisk()
}

const (
	stretch = 64      // samples that are read one after another
	buffer  = 1 << 13 // samples among which the next is chosen
)

// nearby returns an order of n samples in which neighbours are read at about
// the same time. It takes the stretches of stretch samples in a random order,
// and passes them through a buffer: each sample takes the place of a random
// one, which goes out. Since samples are read by their index, the buffer holds
// indices alone.
func nearby(n int, r *rand.Rand) []int {
	in := make([]int, 0, n)
	for _, s := range r.Perm((n + stretch - 1) / stretch) {
		for i := s * stretch; i < min(n, (s+1)*stretch); i++ {
			in = append(in, i)
		}
	}
	held, order := in[:min(n, buffer)], make([]int, 0, n)
	for _, i := range in[len(held):] {
		k := r.IntN(len(held))
		order = append(order, held[k])
		held[k] = i
	}
	r.Shuffle(len(held), func(i, j int) { held[i], held[j] = held[j], held[i] })
	return append(order, held...)
}
