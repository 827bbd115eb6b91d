package corrupt

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
// distribution with the mean value·photons, over photons. u is the uniform number
// that picks it: the least count whose cumulated probability reaches u.
func shotNoise(x *canvas, photons float64, u []float64) {
	for i, v := range x.pix {
		x.pix[i] = clip(poisson(v*photons, u[i]) / photons)
	}
}

// poisson returns the least k with P(X ≤ k) ≥ u, for a mean of at most 700.
func poisson(mean, u float64) float64 {
	p := exp(-mean)
	sum, k := p, 0.0
	for sum < u && k < 2000 {
		k++
		p = float64(p*mean) / k
		sum += p
	}
	return k
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
