import {register} from 'tsx/esm/api'

// Not by --import: all of ava would go through its hooks, too, which takes as long as most of the tests.
register()
