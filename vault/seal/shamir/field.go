package shamir

// Arithmetic in GF(256) with the polynomial of AES. No table look-ups and no branches on values: its time does not
// depend on secrets.

func mul(a, b byte) byte {
	var product byte
	for range 8 {
		product ^= a & -(b & 1)
		a = a<<1 ^ 0x1b&-(a>>7)
		b >>= 1
	}
	return product
}

// inverse is a^254; the inverse of 0 is 0, which no caller asks for.
func inverse(a byte) byte {
	result := byte(1)
	for range 7 { // 254 = 11111110 in binary
		a = mul(a, a)
		result = mul(result, a)
	}
	return result
}

// evaluate computes a polynomial at x; coefficients start with the constant.
func evaluate(coefficients []byte, x byte) byte {
	var y byte
	for i := len(coefficients) - 1; i >= 0; i-- {
		y = mul(y, x) ^ coefficients[i]
	}
	return y
}

// interpolate writes to out the values at 0 of the polynomials through the points (xs[i], ys[i]). The xs are public,
// distinct and not 0.
func interpolate(out []byte, xs []byte, ys [][]byte) {
	clear(out)
	for i, xi := range xs {
		basis := byte(1)
		for j, xj := range xs {
			if i != j {
				basis = mul(basis, mul(xj, inverse(xi^xj)))
			}
		}
		for k := range out {
			out[k] ^= mul(basis, ys[i][k])
		}
	}
}
