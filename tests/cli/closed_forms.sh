# SPDX-License-Identifier: Apache-2.0
. "$MINFOLD_SOURCE_DIR/tests/cli/support/expect.sh"

# Problems with a unique non-degenerate selection: solved, and the closed form agrees.
for problem in sphere affine stiefel orthogonal-orbit phase-orbit line two-well hoelder flat; do
  # two-well starts between its wells and ends in the nearer one: a local minimizer of F.
  case $problem in two-well) x=None ;; *) x="r['truth']['x_error'] <= 1e-6" ;; esac
  expect 0 solve $problem --json $problem.json
  python3 "$support/check_json.py" $problem.json \
    "r['problem'] == '$problem' and r['method'] == 'hgms' and r['precision'] == 'double'" \
    "r['result']['outcome'] == 'converged' and r['result']['verdict'] == 'certified'" \
    "r['truth']['gradient_error'] <= 1e-8" "$x or '$problem' == 'two-well'" \
    "r['truth']['upper_error'] <= 1e-9" ||
    fail "$problem"
  prints 'relative errors: first hypergradient'
done

# At kinks the selection is not unique, at degenerate points it is not smooth: never certified.
for problem in kink kinks hoelder flat; do
  expect 1 solve $problem --set x0=0 --max-iterations 0 --json $problem.json
  python3 "$support/check_json.py" $problem.json "r['result']['verdict'] != 'certified'" \
    "any(w in ' '.join(r['result']['reasons']) for w in ('uniqueness', 'degeneracy'))" ||
    fail "$problem"
  prints 'not certified'
done

# Single precision.
for problem in sphere two-well; do
  expect 0 solve $problem --precision float --json float.json
  python3 "$support/check_json.py" float.json "r['precision'] == 'float'" \
    "r['truth']['gradient_error'] <= 1e-3" || fail "$problem in float"
done

# A limit on the iterations is a way not to converge.
expect 1 solve reweighting --max-iterations 3 --json limit.json
python3 "$support/check_json.py" limit.json "r['result']['outcome'] == 'iteration_limit'" \
  "r['options']['max_iterations'] == 3" "r['result']['iterations'] <= 3" || fail "limit"
prints 'iteration limit'

# Options of the problem arrive, and the seed makes the problem.
expect 0 solve sphere --set dim=30 --seed 5 --json sized.json
python3 "$support/check_json.py" sized.json "r['seed'] == 5 and r['options']['dim'] == 30" \
  "r['iterations'][-1]['kernel_dimension'] == 29" || fail "options"
