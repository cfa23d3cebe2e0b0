# The cluster, by name or ID, and all ALBs of a type, or of a type in a zone, or one ALB.
terraform import iks_alb_state.private production,private
terraform import iks_alb_state.private production,private,dal10
terraform import iks_alb_state.private production,private-crc1234567890abcdefghi-alb1
