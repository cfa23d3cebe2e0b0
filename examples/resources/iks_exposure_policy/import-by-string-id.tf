import {
  to = iks_exposure_policy.private
  id = "production,iks-exposure-policy"
}
