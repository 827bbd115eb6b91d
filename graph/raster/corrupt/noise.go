package corrupt

import "slices"

// gaussianNoise adds deviation·z to each value.
func gaussianNoise(x *canvas, deviation float64, z []float64) {
	for i, v := range x.pix {
		x.pix[i] = clip(v + float64(deviation*z[i]))
	}
}

// speckleNoise adds deviation·z times the value to each value.
func speckleNoise(x *canvas, deviation float64, z []float64) {
	for i, v := range x.pix {
		x.pix[i] = clip(v + float64(v*float64(deviation*z[i])))
	}
}

// shotNoise counts photons: each value becomes a number from Poisson's
// distribution with the mean value·photons, of at most 700, over photons. u is the
// uniform number that picks it: the least count whose cumulated probability
// reaches u.
func shotNoise(x *canvas, photons float64, u []float64) {
	tables := map[float64][]float64{} // pictures have 256 values at most
	for i, v := range x.pix {
		table, ok := tables[v]
		if !ok {
			table = poisson(v * photons)
			tables[v] = table
		}
		count, _ := slices.BinarySearch(table, u[i])
		x.pix[i] = clip(float64(count) / photons)
	}
}

// poisson returns P(X ≤ 0), P(X ≤ 1), … until the sum grows no more.
func poisson(mean float64) (table []float64) {
	p := exp(-mean)
	sum, last := p, -1.0
	for k := 1.0; sum > last || k < mean; k++ {
		table = append(table, sum)
		last = sum
		p = float64(p*mean) / k
		sum += p
	}
	return table
}

// impulseNoise makes a value 1 (salt) or 0 (pepper) where which ≤ amount, salt
// where salt ≤ ½.
func impulseNoise(x *canvas, amount float64, which, salt []float64) {
	for i := range x.pix {
		switch {
		case which[i] > amount:
		case salt[i] <= 0.5:
			x.pix[i] = 1
		default:
			x.pix[i] = 0
		}
	}
}
