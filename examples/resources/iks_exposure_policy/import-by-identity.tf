import {
  to = iks_exposure_policy.private
  identity = {
    cluster_id = "c1234567890abcdefghi"
    name       = "iks-exposure-policy"
  }
}
