package kernel

// operand returns operand i, or nil if the operator was given fewer.
func operand[T Float](in [][]T, i int) []T {
	if i < len(in) {
		return in[i]
	}
	return nil
}

// grow returns a buffer for n copies of like, reusing buf if it has that size.
// It is empty if like is nil.
func grow[T Float](buf, like []T, n int) []T {
	if size := n * len(like); len(buf) != size {
		return make([]T, size)
	}
	return buf
}

// sumChunks sets dst to the sum of n parts that lie one behind the other.
func sumChunks[T Float](dst, parts []T, n int) {
	if dst == nil {
		return
	}
	copy(dst, parts)
	for i := 1; i < n; i++ {
		add(dst, parts[i*len(dst):])
	}
}
