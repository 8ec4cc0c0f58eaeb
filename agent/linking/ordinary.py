"""Words of everyday English: never taken for a typo, and as a title or a name only with further evidence."""

from __future__ import annotations

WORDS = frozenset(
    """
    able about above absolutely accent acceptable accurate across action actor actors actress actresses actual
    actually ad add adored adores adult adults adventure affairs after again against age aged ago agree ah air alien
    aliens all allow allowed almost alone along already also always am amazing american among amount an and angry
    animals animated animation anime annoying another answer any anybody anyone anything anyway anyways anywhere app
    apparently are arent around arrival art as aside ask asked asking asleep at attention aunt autumn average avoid
    away awesome awful awkward babies baby babysitter back background backup bad badly ball baseball based basically
    battle battles bay be bear beats beautiful beauty became because bed been beer before begin beginning behind
    being believe best bet better between beyond big bird birthday bit black blade blah blanket bleak block blood
    bloody blue boarding boat body book books bored boring born boss both bought box boxing boy boyfriend boys brain
    bread break breakfast bride bridge bright brilliant bring bro broke brother brothers brought bruh brutal btw
    budget bunch bus business but buy by call called calm came camp can cannot cant car care careful carry cars
    cartoon cartoons case cat catch cats cause century certain certainly chance change changed changes channel
    chapter characters charming chase chases cheap check cheer cheers cheesy chicken child children chill chinese
    choice choose christmas church cinema circle city class classic classics clean clear clever climb clingy close
    closing club clueless coffee cold color colour come comedies comedy comes comfort coming common company compare
    complain complete complicated con confused content cook cool copy corner cosier cosy could couldnt count
    countries country counts couple course court courtroom cousin cover cozy crap crash crazy creatures creepy cried
    crime cringe cross crowd crude cruise cry crying curious current cut cute dad daddy dads daily dance dancing
    danger dangerous dark darker date daughter daughters day days dead deal dear death decade decades december
    decent decide decided deep definitely depends depressing describe desert destroyed detective devil did didnt die
    died dies difference different difficult dinner dinosaurs direct directed director disappointed disc discussion
    disturbing divorce do doctor documentary does doesnt dog dogs doing done dont door double doubt down drag dragon
    dragons drama dramas dream dreams dress drink drinking drive driving drop dropped drunk dude dull dumb dumped
    dunno during dying each earlier early earth easier easily easy eat eating edge eight eighties either else empty
    end ended ending endings ends energy english enjoy enjoyed enough entire epic episode especially eternal even
    evening ever every everybody everyone everything everywhere evil ex exactly example excellent except excited
    exciting exes explain explosions extra eye eyes face fact faculty fair fairy fall family famous fan fancy
    fantastic fantasy far fast faster fat father fault favorite favourite fear feel feeling feelings feels feet fell
    felt female fever few fiction fifteen fight fighter fighting fights figure fill film films final finally find
    fine finger finish finished fire firm first fish five fix flat flight floor flowers fly flying folks follow food
    foot football for foreign forever forget forgive forgot form forty forward found four free french fresh friday
    friend friendly friends from front fuck fucking full fun funeral funnier funniest funny further future gadget
    game games gangsters garden gave general gentle german get gets getting gf ghost ghosts giant gift gimme gimmick
    girl girlfriend girls give given gives giving glad glass gloomy go god goes going gold gone gonna good goodbye
    gore gory got gotta gotten grab grand grandad granddad granddaughter grandfather grandkids grandma grandson
    granny grant great green grey grim gritty ground group grow growing grown grumpy guess guest gun guns guy guys
    had haha hahaha hair half hand hands handsome hang happen happened happens happy hard hardly has hate hated
    hates have havent having he head hear heard heart heartbreaking heavy heist hell hello help her here hero heroes
    hers hes hey hi hidden high hill him himself his historical history hit hm hmm hold holiday holidays hollywood
    home honest honestly hope hopeful horrible horror horse horses hospital hot hotel hour hours house how however
    hrs hubby hug huge human humor humour hundred hundreds hungry hunt hurry hurt husband husbands ice id idc idea
    ideal ideally ideas identity idk if ill im imagine imo important impossible in indie inside instead intense
    interested interesting into invisible is island isnt italian its ive japan japanese jk job jobs join joke jokes
    judge jump jungle just keep keeps kept kid kiddo kids kill killed killer killers killing kind kinda kindly kinds
    king kitchen knew knight know known knows korean lad lads lady lake land language laptop large last late lately
    later latest laugh laughed laughing laughs law laws lawyer lead leading league learn least leave leaves leaving
    left legal legend lemme length less lesson lessons let lets letters level liar lie life light lighter like liked
    likes lil limit line lines list listen listening literally little live lived lives living lmao local lock lol
    lonely long longer look looked looking looks lord lose loser loses loss lost lot lots loud love loved lovely
    lover lovers loves loving low luck lucky lunch mad made magic main make makes making male man many march mark
    married mask master mate matter matters max may maybe me mean means meant meat meet meeting meh members memory
    men mention mentioned message met mhm mid middle might mile milk min mind minded mine mins minute minutes mirror
    miss missed missing mission mistake mix moan modern mom moment monday money monster monsters month months mood
    moody moon more morning most mother mouth move moved moves movie movies moving much mum mummy mums murder
    murders music musical musicals must my myself mystery nah naked name named names nasty national natural nature
    nd near nearly neck need needed needs neighbor neither neo nephew nerve nervous never new newer newest news next
    nice nicely niece night nightmare nightmares nights nine no nobody nod noir noise none nonsense noodles nope nor
    normal north not note notes nothing notice novel now number numbers obviously obvs occasion odd of off offer
    office often oh ok okay old older oldest olds omfg omg on once one ones only onto open opening opera opinion
    opposite option options or orange order ordinary other others otherwise our ours out outside over own owner page
    pain paint pair paper parents park part parts party pass passed past path paths pay peace people perfect perhaps
    period person phone piano pick picked picks picture pictures piece pink pirates pizza place places plain plan
    plane planes planet play played players playing plays please pleased pleasure plenty plot plots pls plus plz
    point police polite political pool poor pop popcorn popular positive possible power ppl practice prefer
    preferably prefers present president press pretty prime prince princess prison prob probably problem produced
    project prolly promise proper properly proposal prove public pull pure purple push put puts putting puzzle
    quality quarter queen question questions quick quicker quickly quiet quit quite quiz quote rabbit race radio
    raid raider rain raining ran rather rating ratings reach read reader ready real reality really reason reasons
    recall recent recently recite recommend red refuses regular related relationship relax released religion
    remember remind remote rent request rest restart return revenge review rich ride rider right ring rings rio riot
    rise risk river rn road robot robots rock rocks roll romance romantic romcom room roommate rough round royal
    rude rule rules run running runs runtime sad safe said salt same sappy sat saturday save saved saving saw say
    saying says scare scared scary scene scenes schmaltzy school sci science scrap scratch scream screen sea search
    season seat second secret see seeing seem seems seen self selfish send sense sensible sent separate sequels
    series serious seriously set seven several sex shall shallow shame shape share sharp she shes shift shiny ship
    shit shoes shoot shooting shop short shorter shortest should shoulda shouting show shower shows shut shy sick
    side sides sign signs silence silent silly similar simple since singing single sister sisters sit six size skip
    sky sleep sleeping sleepless sleepover sleeps sleepy slept slow slower small smart smile smooth smth smug snow
    so sobbing soft sold soldiers solid some somebody someone something sometimes somewhere son song songs sons soon
    soppy sorry sort sorta soul sound sounds south space spanish speak special speed spell spend spent spies spirit
    spirited split spoil spoilers sport sports spring spy squad staff stage stairs stand star starred starring stars
    start started starts state station stay still stirring stomach stop stopped store stories storm story straight
    strange stranger street stress stressed strict strong stuck student students studio study stuff stupid style
    subject submarine subs subtitle subtitles such sudden suddenly suggest suggestion suggestions suicide suit
    suitable sum summer sun sunday sunshine super superhero superheroes supposed sure surprise surprised survive
    swear swearing sweet swim sword table take taken takes taking tale talk talked talking talks talky tall tape
    taste taught tbh tea teach teacher team tears teen teenage teenager teens tell telling tells ten tense terminal
    terrible test testing text than thank thanks that thatll thats the theater theatre their them theme then therapy
    there theres these they theyre theyve thing things think thinking thinks third thirty this those though thought
    three thriller thrillers through throw thursday thx ticket tight till time times tiny tired title titles tmr
    tmrw to today together tomorrow tone tonight too took top topic topical total totally touch tough tour toward
    town toy toys track traffic tragic train training trains trap trash travel treat tree tries trip trouble true
    trust truth try trying tuesday turn turned turns tv twelve twenty twice twins twist twists twitter two type
    typical u ugh ugly uncle under understand unless until unusual up update upset ur us usa use used useful usual
    usually vacation vague vampires version very via vibe vibes vibey video view village violence violent visit
    visiting voice wacky wait waiting wake walk walked walking wall wanna want wanted wants war warm wars was waste
    wat watch watchable watched watches watching water way we weak weapon wear weather wedding wedgie wednesday week
    weekend weeks weepy weird welcome well went were werent west western westerns wet weve what whatcha whatever
    whats when where whether which while white who whole wholesome whos whose why wide widen wife wifes wild will
    willing win wind window wine wings winner winning wins winter wise wish with within without witness woke woman
    women won wonder wonderful wont wood word words work worked working works world worlds worried worry worse worst
    worth would wouldnt wow wreck wrecked write writing written wrong wtf ya yall yard yay yeah year years yellow
    yep yes yesterday yet yo you young younger youngest your yours youth yr yrs yup ywe zero zombie zombies zzz
    """.split()
)
