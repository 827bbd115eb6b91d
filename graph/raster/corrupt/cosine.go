package corrupt

// The cosine transform of 8 values and its inverse by the method of Loeffler,
// Ligtenberg and Moschytz 1989 ("Practical fast 1-D DCT algorithms with 11
// multiplications"), with libjpeg's whole numbers: constants have 13 bits after
// the point, and between rows and columns values have two.
const (
	fix0298 = 2446 // 0.298631336·2^13
	fix0390 = 3196
	fix0541 = 4433
	fix0765 = 6270
	fix0899 = 7373
	fix1175 = 9633
	fix1501 = 12299
	fix1847 = 15137
	fix1961 = 16069
	fix2053 = 16819
	fix2562 = 20995
	fix3072 = 25172
)

// scale returns v/2^bits, rounded.
func scale(v int32, bits int) int32 { return (v + 1<<(bits-1)) >> bits }

// forward makes a block its coefficients, times 8.
func forward(b *[64]int32) {
	for i := 0; i < 64; i += 8 {
		forwardLine(b[i:], 1, 11, func(v int32) int32 { return v << 2 })
	}
	for i := range 8 {
		forwardLine(b[i:], 8, 15, func(v int32) int32 { return scale(v, 2) })
	}
}

// forwardLine transforms 8 values, step apart. bits is how many bits are dropped
// after a multiplication, and plain what is done to the sums without one.
func forwardLine(v []int32, step, bits int, plain func(int32) int32) {
	at := func(i int) *int32 { return &v[i*step] }
	s0, d0 := *at(0)+*at(7), *at(0)-*at(7)
	s1, d1 := *at(1)+*at(6), *at(1)-*at(6)
	s2, d2 := *at(2)+*at(5), *at(2)-*at(5)
	s3, d3 := *at(3)+*at(4), *at(3)-*at(4)

	a, b, c, d := s0+s3, s1+s2, s1-s2, s0-s3
	*at(0), *at(4) = plain(a+b), plain(a-b)
	z := (c + d) * fix0541
	*at(2), *at(6) = scale(z+d*fix0765, bits), scale(z-c*fix1847, bits)

	o0, o1, o2, o3 := odd(d3, d2, d1, d0)
	*at(7), *at(5), *at(3), *at(1) = scale(o0, bits), scale(o1, bits), scale(o2, bits), scale(o3, bits)
}

// odd is the part of the method that both directions share.
func odd(a, b, c, d int32) (int32, int32, int32, int32) {
	z1, z2, z3, z4 := a+d, b+c, a+c, b+d
	z5 := (z3 + z4) * fix1175
	z1, z2 = -z1*fix0899, -z2*fix2562
	z3, z4 = z5-z3*fix1961, z5-z4*fix0390
	return a*fix0298 + z1 + z3, b*fix2053 + z2 + z4, c*fix3072 + z2 + z3, d*fix1501 + z1 + z4
}

// backward makes coefficients a block.
func backward(b *[64]int32) {
	for i := range 8 {
		backwardLine(b[i:], 8, 11)
	}
	for i := 0; i < 64; i += 8 {
		backwardLine(b[i:], 1, 18)
	}
}

func backwardLine(v []int32, step, bits int) {
	at := func(i int) *int32 { return &v[i*step] }
	z := (*at(2) + *at(6)) * fix0541
	t2, t3 := z-*at(6)*fix1847, z+*at(2)*fix0765
	t0, t1 := (*at(0)+*at(4))<<13, (*at(0)-*at(4))<<13
	even := [4]int32{t0 + t3, t1 + t2, t1 - t2, t0 - t3}
	o0, o1, o2, o3 := odd(*at(7), *at(5), *at(3), *at(1))
	for i, o := range [4]int32{o3, o2, o1, o0} {
		*at(i), *at(7 - i) = scale(even[i]+o, bits), scale(even[i]-o, bits)
	}
}
