package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// This file has the steps of the optimizers, see update.go of package vector. They go
// by blocks of eight, read each tensor once and write it back. A scalar parameter,
// such as the learning rate, is broadcast to a vector before the loop. Products and
// sums are instructions of their own, in the order of the plain loops: nothing is
// fused, so that the last elements of a tensor, which are plain Go's, have the same
// bits as the others. Roots and quotients are the exact instructions. What a step keeps
// of the gradients it flushes: numbers that are too small to matter become 0, see there.

// weighted returns a·x + b·y, each operation rounded.
func weighted(a reg.VecVirtual, x Op, b reg.VecVirtual, y Op) reg.VecVirtual {
	sum, part := YMM(), YMM()
	VMULPS(x, a, sum)
	VMULPS(y, b, part)
	VADDPS(part, sum, sum)
	return sum
}

// flush replaces numbers of x below a limit, in absolute value, by 0. Numbers of one sign
// have the order of their bits, as integers.
func flush(x reg.VecVirtual, limit uint32) {
	size, small := YMM(), YMM()
	VANDPS(constantBits(1<<31-1).Mem, x, size)
	VMOVUPS(constantBits(limit).Mem, small)
	VPCMPGTD(size, small, small) // small > size
	VPANDN(x, small, x)
}

// The limits of package vector.
const (
	smallMean   = (127 - 100) << 23 // 2⁻¹⁰⁰
	smallSquare = (127 - 126) << 23 // 2⁻¹²⁶
)

// secondMoment moves v to flush(beta·v + rest·grad²), each operation rounded, and
// returns √v + epsilon.
func secondMoment(v Mem, grad, beta, rest, epsilon reg.VecVirtual) reg.VecVirtual {
	second, part := YMM(), YMM()
	VMULPS(v, beta, second)
	VMULPS(grad, rest, part)
	VMULPS(grad, part, part)
	VADDPS(part, second, second)
	flush(second, smallSquare)
	VMOVUPS(second, v)
	VSQRTPS(second, second)
	VADDPS(epsilon, second, second)
	return second
}

// subtract moves a block of weights to w - decay·w - step.
func subtract(w Mem, decay, step reg.VecVirtual) {
	weight, part := load(w), YMM()
	VMULPS(weight, decay, part)
	VSUBPS(part, weight, weight)
	VSUBPS(step, weight, weight)
	VMOVUPS(weight, w)
}

// average generates the moving average of weights: a + share·(x - a).
func average() {
	function("averageAVX2", "func(a, x []float32, share float32)",
		"\tfor i := range a { // a multiple of eight",
		"\t\ta[i] += share * (x[i] - a[i])",
		"\t}")
	a, x, share := slice("a"), slice("x"), broadcast("share")
	blocks("a", func(i reg.Register) {
		old, way := load(block(a, i)), load(block(x, i))
		VSUBPS(old, way, way)
		VMULPS(share, way, way)
		VADDPS(way, old, old)
		VMOVUPS(old, block(a, i))
	})
}

// sgd generates plain gradient descent.
func sgd() {
	function("sgdAVX2", "func(w, g []float32, lr float32)",
		"\tfor i := range w { // a multiple of eight",
		"\t\tw[i] -= lr * g[i]",
		"\t}")
	w, g, lr := slice("w"), slice("g"), broadcast("lr")
	blocks("w", func(i reg.Register) {
		step, v := YMM(), load(block(w, i))
		VMULPS(block(g, i), lr, step)
		VSUBPS(step, v, v)
		VMOVUPS(v, block(w, i))
	})
}

// momentum generates the step with a velocity u, which is stored before lr scales it.
func momentum() {
	function("momentumAVX2", "func(w, g, u []float32, lr, momentum float32)",
		"\tfor i := range w { // a multiple of eight",
		"\t\tu[i] = flush(momentum*u[i] + g[i])",
		"\t\tw[i] -= lr * u[i]",
		"\t}")
	w, g, u, lr, mu := slice("w"), slice("g"), slice("u"), broadcast("lr"), broadcast("momentum")
	blocks("w", func(i reg.Register) {
		speed, v := YMM(), load(block(w, i))
		VMULPS(block(u, i), mu, speed)
		VADDPS(block(g, i), speed, speed)
		flush(speed, smallMean)
		VMOVUPS(speed, block(u, i))
		VMULPS(speed, lr, speed)
		VSUBPS(speed, v, v)
		VMOVUPS(v, block(w, i))
	})
}

// nesterov generates the step that looks ahead: it goes on along the new velocity
// once more.
func nesterov() {
	function("nesterovAVX2", "func(w, g, u []float32, lr, momentum float32)",
		"\tfor i := range w { // a multiple of eight",
		"\t\tu[i] = flush(momentum*u[i] + g[i])",
		"\t\tw[i] -= lr * (momentum*u[i] + g[i])",
		"\t}")
	w, g, u, lr, mu := slice("w"), slice("g"), slice("u"), broadcast("lr"), broadcast("momentum")
	blocks("w", func(i reg.Register) {
		speed, grad, v := YMM(), load(block(g, i)), load(block(w, i))
		VMULPS(block(u, i), mu, speed)
		VADDPS(grad, speed, speed)
		flush(speed, smallMean)
		VMOVUPS(speed, block(u, i))
		VMULPS(speed, mu, speed)
		VADDPS(grad, speed, speed)
		VMULPS(speed, lr, speed)
		VSUBPS(speed, v, v)
		VMOVUPS(v, block(w, i))
	})
}

// rms generates RMSProp's scaling of a gradient, which it writes back for the step
// that follows.
func rms() {
	function("rmsAVX2", "func(g, v []float32, beta, rest, epsilon float32)",
		"\tfor i := range g { // a multiple of eight; each operation is rounded",
		"\t\tv[i] = flush(beta*v[i] + rest*g[i]*g[i])",
		"\t\tg[i] /= sqrt(v[i]) + epsilon",
		"\t}")
	grads, v := slice("g"), slice("v")
	beta, rest, epsilon := broadcast("beta"), broadcast("rest"), broadcast("epsilon")
	blocks("g", func(i reg.Register) {
		grad := load(block(grads, i))
		size := secondMoment(block(v, i), grad, beta, rest, epsilon)
		VDIVPS(size, grad, grad)
		VMOVUPS(grad, block(grads, i))
	})
}

// adam generates Adam with NAdam's look ahead and AdamW's decay, each of which is
// nothing where its parameter is 0. The eight parameters take half of the registers.
func adam() {
	function("adamAVX2", "func(w, g, m, v []float32, lr, look, epsilon, beta1, beta2, rest1, rest2, decay float32)",
		"\tfor i := range w { // a multiple of eight; each operation is rounded",
		"\t\tm[i] = flush(beta1*m[i] + rest1*g[i])",
		"\t\tv[i] = flush(beta2*v[i] + rest2*g[i]*g[i])",
		"\t\tw[i] -= decay * w[i]",
		"\t\tw[i] -= (lr*m[i] + look*g[i]) / (sqrt(v[i]) + epsilon)",
		"\t}")
	w, grads, m, v := slice("w"), slice("g"), slice("m"), slice("v")
	lr, look, epsilon, decay := broadcast("lr"), broadcast("look"), broadcast("epsilon"), broadcast("decay")
	beta1, beta2, rest1, rest2 := broadcast("beta1"), broadcast("beta2"), broadcast("rest1"), broadcast("rest2")
	blocks("w", func(i reg.Register) {
		grad := load(block(grads, i))
		first := weighted(beta1, block(m, i), rest1, grad)
		flush(first, smallMean)
		VMOVUPS(first, block(m, i))
		size := secondMoment(block(v, i), grad, beta2, rest2, epsilon)
		step := weighted(lr, first, look, grad)
		VDIVPS(size, step, step)
		subtract(block(w, i), decay, step)
	})
}

// lion generates Lion. The sign is made of two masks on lr: lr where c > 0, less lr
// where c < 0. Both are zero for a c of 0 and for a NaN.
func lion() {
	function("lionAVX2", "func(w, g, m []float32, lr, beta1, beta2, rest1, rest2, decay float32)",
		"\tfor i := range w { // a multiple of eight; each operation is rounded",
		"\t\tc := beta1*m[i] + rest1*g[i]",
		"\t\tw[i] -= decay * w[i]",
		"\t\tw[i] -= lr * sign(c) // 0 for 0 and for NaN",
		"\t\tm[i] = flush(beta2*m[i] + rest2*g[i])",
		"\t}")
	w, grads, m, none := slice("w"), slice("g"), slice("m"), zero()
	lr, decay := broadcast("lr"), broadcast("decay")
	beta1, beta2, rest1, rest2 := broadcast("beta1"), broadcast("beta2"), broadcast("rest1"), broadcast("rest2")
	blocks("w", func(i reg.Register) {
		grad, up, down := load(block(grads, i)), YMM(), YMM()
		c := weighted(beta1, block(m, i), rest1, grad)
		VCMPPS(U8(greater), none, c, up)
		VCMPPS(U8(less), none, c, down)
		VANDPS(lr, up, up)
		VANDPS(lr, down, down)
		VSUBPS(down, up, up)
		subtract(block(w, i), decay, up)
		mean := weighted(beta2, block(m, i), rest2, grad)
		flush(mean, smallMean)
		VMOVUPS(mean, block(m, i))
	})
}
